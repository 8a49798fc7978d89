# Noncentral t areas and power.t.test, for tests/linalg/test_noncentral.py and tests/reference/test_power_reference.py.
# Rscript power.R > power.json
library(jsonlite)
grid <- expand.grid(t = c(-2, 0.5, 2, 4.3, 12.7), df = c(1, 1.5, 2, 5, 18, 38, 240, 5000, 1e6),
                    ncp = c(-3, 0, 0.3, 1, 2.8, 5, 12, 30))
# pt() loses digits where the lower tail is small: the area on the side that holds the mass is kept
grid$upper <- with(grid, pt(t, df, ncp, lower.tail = FALSE))
tt <- expand.grid(n = c(2, 3, 10, 64), delta = c(0.2, 0.5, 1.5), sig.level = c(0.01, 0.05))
tt$two_sided <- mapply(function(n, d, a) power.t.test(n = n, delta = d, sig.level = a, strict = TRUE)$power,
                       tt$n, tt$delta, tt$sig.level)
tt$one_sided <- mapply(function(n, d, a) power.t.test(n = n, delta = d, sig.level = a,
                       alternative = "one.sided")$power, tt$n, tt$delta, tt$sig.level)
one <- expand.grid(n = c(3, 10, 64), delta = c(0.2, 0.5), sig.level = 0.05)
one$power <- mapply(function(n, d, a) power.t.test(n = n, delta = d, sig.level = a, type = "one.sample",
                    strict = TRUE)$power, one$n, one$delta, one$sig.level)
detectable <- expand.grid(n = c(5, 20), power = c(0.8, 0.95))
detectable$delta <- mapply(function(n, p) power.t.test(n = n, power = p, strict = TRUE, tol = 1e-14)$delta,
                           detectable$n, detectable$power)
needed <- sapply(c(0.2, 0.5, 0.8), function(d) power.t.test(delta = d, power = 0.8, strict = TRUE, tol = 1e-14)$n)
cat(toJSON(list(program = R.version.string, noncentral = grid, t_test = tt, one_sample = one,
                detectable = detectable, needed = needed), digits = NA, pretty = TRUE))
