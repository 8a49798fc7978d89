"""Planning a study: power by formula and by simulation, and estimators compared."""
