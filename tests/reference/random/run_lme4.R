# lme4 and lmerTest on the designs of make_designs.py: `designs` to lme4.json, `several` to lme4_several.json.
suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
which <- commandArgs(TRUE)[1]
specs <- fromJSON(paste0(which, ".json")); data <- read.csv(paste0(which, ".csv.gz"), stringsAsFactors = TRUE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e5),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore", calc.derivs = FALSE)
one <- function(s) tryCatch(suppressMessages(suppressWarnings({
  d <- droplevels(data[data$case == s$case, ])
  m <- if (s$weighted) lmer(as.formula(s$formula), d, REML = s$reml, weights = wt, control = control)
       else lmer(as.formula(s$formula), d, REML = s$reml, control = control)
  co <- coef(summary(m))
  list(case = s$case, deviance = -2 * as.numeric(logLik(m)), estimate = unname(fixef(m)),
       std_error = unname(co[, "Std. Error"]), df = if (ncol(co) == 5) unname(co[, "df"]) else NULL,
       sigma = sigma(m), singular = isSingular(m), n = nobs(m))
})), error = function(e) list(case = s$case, error = conditionMessage(e)))
out <- list(versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                            lmerTest = as.character(packageVersion("lmerTest"))),
            fits = lapply(seq_len(nrow(specs)), function(i) one(specs[i, ])))
write(toJSON(out, digits = 15, auto_unbox = TRUE, null = "null"),
      if (which == "designs") "lme4.json" else "lme4_several.json")
