# Conditional AIC by cAIC4 of models of bundled data, fitted by lme4 with a tight optimiser; nothing of
# Echelon is used. Writes caic4.json. Run: Rscript caic4.R
suppressMessages({library(lme4); library(cAIC4); library(jsonlite)})
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE,
                     check.conv.singular = "ignore")
models <- list(
  sleep_rs = lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = tight),
  sleep_rs_ml = lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE, control = tight),
  sleep_ri = lmer(Reaction ~ Days + (1 | Subject), sleepstudy, control = tight),
  dyestuff = lmer(Yield ~ 1 + (1 | Batch), Dyestuff, control = tight),
  dyestuff_ml = lmer(Yield ~ 1 + (1 | Batch), Dyestuff, REML = FALSE, control = tight),
  dyestuff2 = lmer(Yield ~ 1 + (1 | Batch), Dyestuff2, control = tight),
  penicillin = lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, control = tight),
  pastes = lmer(strength ~ 1 + (1 | batch/cask), Pastes, control = tight))
one <- function(m) { k <- suppressWarnings(cAIC(m)); list(loglik = k$loglikelihood, df = k$df, caic = k$caic) }
out <- c(list(versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                              cAIC4 = as.character(packageVersion("cAIC4")))), lapply(models, one))
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "caic4.json")
