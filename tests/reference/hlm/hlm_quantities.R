# HLM's reliabilities and chi-square statistics of High School & Beyond, put together in R from an
# lmer fit and one lm() a school; nothing of Echelon is used. Reads the bundled hsb.csv.gz, writes
# hlm_quantities.json. Run: Rscript hlm_quantities.R PATH/TO/hsb.csv.gz
suppressMessages({library(lme4); library(jsonlite)})
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
d$sector <- relevel(d$sector, ref = "Public")
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE)
schools <- split(d, d$school)
# predicted(b, s): the fixed part of a school's coefficients, from the fixed effects b and its first row
one <- function(formula, within, predicted, df) {
  m <- lmer(formula, d, control = control); b <- fixef(m)
  tau <- diag(as.matrix(VarCorr(m)$school)); s2 <- sigma(m)^2
  own <- t(sapply(schools, function(s) coef(lm(within, s))))
  v <- t(sapply(schools, function(s) { X <- model.matrix(within, s); diag(s2 * solve(crossprod(X))) }))
  if (length(tau) == 1) { own <- t(own); v <- t(v) }
  pred <- t(sapply(schools, function(s) predicted(b, s[1, ])))
  if (length(tau) == 1) pred <- t(pred)
  list(formula = deparse(formula), tau = unname(tau), sigma2 = s2,
       reliability = sapply(seq_along(tau), function(q) mean(tau[q] / (tau[q] + v[, q]))),
       chi_square = sapply(seq_along(tau), function(q) sum((own[, q] - pred[, q])^2 / v[, q])), df = df)
}
cath <- function(s) as.numeric(s$sector == "Catholic")
out <- list(
  versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4"))),
  null = one(mathach ~ 1 + (1 | school), mathach ~ 1, function(b, s) b[[1]], 159),
  means = one(mathach ~ meanses + (1 | school), mathach ~ 1, function(b, s) b[[1]] + b[[2]] * s$meanses, 158),
  slopes = one(mathach ~ cses + (cses | school), mathach ~ cses, function(b, s) c(b[[1]], b[[2]]), c(159, 159)),
  full = one(mathach ~ meanses * cses + sector * cses + (cses | school), mathach ~ cses, function(b, s)
    c(b[["(Intercept)"]] + b[["meanses"]] * s$meanses + b[["sectorCatholic"]] * cath(s),
      b[["cses"]] + b[["meanses:cses"]] * s$meanses + b[["cses:sectorCatholic"]] * cath(s)), c(157, 157)))
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "hlm_quantities.json")
