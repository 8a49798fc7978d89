# Normalized residuals of nlme, for tests/reference/test_reference_residuals.py; nothing of Echelon is used.
# Writes normalized.json. Run: Rscript normalized.R
suppressMessages({library(nlme); library(jsonlite)})
control <- lmeControl(opt = "nlminb", tolerance = 1e-12, msTol = 1e-14, msMaxIter = 500, maxIter = 500)
out <- list(versions = list(R = as.character(getRversion()), nlme = as.character(packageVersion("nlme"))))
one <- function(m, group) {
  r <- as.numeric(resid(m, type = "normalized"))
  list(phi = as.numeric(coef(m$modelStruct$corStruct, unconstrained = FALSE)), sigma = m$sigma,
       first = r[1:20], by_group = as.numeric(tapply(r^2, as.character(group), sum)),
       groups = sort(unique(as.character(group))))
}
O <- as.data.frame(Orthodont)
out$ar1 <- one(lme(distance ~ age, random = ~ 1 | Subject, data = Orthodont, correlation = corAR1(), control = control), O$Subject)
out$ar1_by <- one(lme(distance ~ age, random = ~ 1 | Subject, data = Orthodont, correlation = corAR1(),
                      weights = varIdent(form = ~ 1 | Sex), control = control), O$Subject)
S <- as.data.frame(BodyWeight)
out$car1 <- one(lme(weight ~ Time, random = ~ 1 | Rat, data = BodyWeight, correlation = corCAR1(form = ~ Time), control = control), S$Rat)
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "normalized.json")
