# Influence of rows and of groups: lme4's own numbers, and HLMdiag's formulas in dense matrices, at
# the polished optima of ../models; refits without each group polished by Newton steps. Nothing of
# Echelon is used. Run: Rscript influence.R (in this folder); writes influence.json
suppressMessages({library(lme4); library(jsonlite); library(numDeriv)})
stopifnot(file.exists("../models"))

read_table <- function(name) {
  meta <- fromJSON(file.path("../data", paste0(name, ".json")), simplifyVector = FALSE)
  path <- file.path("../data", paste0(name, ".csv"))
  if (!file.exists(path)) path <- paste0(path, ".gz")
  d <- read.csv(path, stringsAsFactors = FALSE, na.strings = "")
  for (column in meta$columns) if (column$type %in% c("factor", "ordered"))
    d[[column$name]] <- factor(as.character(d[[column$name]]), levels = unlist(column$levels))
  d
}
devfun_of <- function(formula, d, reml, w) {
  parts <- if (is.null(w)) lFormula(formula, d, REML = reml) else
    do.call(lFormula, list(formula, d, REML = reml, weights = d[[w]]))
  list(parts = parts, devfun = do.call(mkLmerDevfun, parts))
}
at_theta <- function(made, theta, formula) {  # no optimiser
  value <- made$devfun(theta)
  mkMerMod(environment(made$devfun), list(par = theta, fval = value, feval = 1, conv = 0, message = ""),
           made$parts$reTrms, fr = made$parts$fr, mc = call("lmer", formula = formula))
}
polished <- function(made, theta) {  # bounded search, then Newton steps on the free parameters
  lower <- made$parts$reTrms$lower
  end <- nlminb(theta, made$devfun, lower = lower, control = list(rel.tol = 1e-15, x.tol = 1e-12))
  theta <- end$par
  free <- theta > lower + 1e-4 | lower < 0
  if (any(!free)) theta[!free & lower == 0] <- 0
  f <- function(x) { t <- theta; t[free] <- x; made$devfun(t) }
  for (i in 1:6) {
    g <- grad(f, theta[free], method.args = list(r = 6))
    H <- hessian(f, theta[free], method.args = list(r = 6))
    theta[free] <- theta[free] - solve(H, g)
  }
  theta
}

# HLMdiag 0.5.0: leverage(), and case_delete / cooks.distance / mdffits / covratio / covtrace with V held
dense <- function(fit, units, w) {
  at <- seq(1, nobs(fit), by = max(1, nobs(fit) %/% 60))  # rows that are left out
  X <- getME(fit, "X"); Z <- as.matrix(getME(fit, "Z")); n <- nrow(X); p <- ncol(X)
  s2 <- sigma(fit)^2; L <- as.matrix(getME(fit, "Lambda"))
  V <- s2 * (Z %*% L %*% t(L) %*% t(Z) + diag(1 / w))
  y <- getME(fit, "y") - getME(fit, "offset")
  Vinv <- solve(V); vcov <- solve(t(X) %*% Vinv %*% X); beta <- drop(vcov %*% t(X) %*% Vinv %*% y)
  H1 <- X %*% vcov %*% t(X) %*% Vinv
  H2 <- (V - s2 * diag(1 / w)) %*% Vinv %*% (diag(n) - H1)
  without <- function(gone) {
    keep <- setdiff(seq_len(n), gone)
    Vi <- solve(V[keep, keep]); Xi <- X[keep, , drop = FALSE]
    vi <- solve(t(Xi) %*% Vi %*% Xi); bi <- drop(vi %*% t(Xi) %*% Vi %*% y[keep]); d <- beta - bi
    c(drop(t(d) %*% solve(vcov) %*% d) / p, drop(t(d) %*% solve(vi) %*% d) / p, det(vi) / det(vcov),
      abs(sum(diag(solve(vcov) %*% vi)) - p), bi)
  }
  table <- function(sets) {
    found <- t(vapply(sets, without, numeric(4 + p)))
    list(cooks = found[, 1], mdffits = found[, 2], covratio = found[, 3], covtrace = found[, 4],
         beta = unname(found[, -(1:4), drop = FALSE]))
  }
  list(fixef = diag(H1), ranef = diag(H2), at = at, rows = table(as.list(at)), groups = lapply(units, table))
}

one <- function(id, data, formula, reml = TRUE, weights = NULL, by, refit = by, theta = NULL, rows = NULL) {
  d <- read_table(data); if (!is.null(rows)) d <- droplevels(d[rows(d), ])
  formula <- as.formula(formula, env = new.env())  # lFormula writes weights into it
  made <- devfun_of(formula, d, reml, weights)
  if (is.null(theta)) theta <- polished(made, made$parts$reTrms$theta)
  fit <- at_theta(made, theta, formula)
  w <- if (is.null(weights)) rep(1, nrow(d)) else d[[weights]]
  frame <- d; for (g in by) if (is.null(frame[[g]])) frame[[g]] <- interaction(lapply(strsplit(g, ":")[[1]], function(v) d[[v]]), sep = ":", drop = TRUE)
  sets <- setNames(lapply(by, function(g) split(seq_len(nrow(d)), frame[[g]], drop = TRUE)), by)
  refits <- setNames(lapply(refit, function(g) {
    one_by_one <- lapply(sets[[g]], function(gone) {
      left <- devfun_of(formula, droplevels(d[-gone, ]), reml, weights)
      end <- polished(left, theta); other <- at_theta(left, end, formula)
      list(beta = unname(fixef(other)), se = unname(sqrt(diag(as.matrix(vcov(other))))), theta = end, sigma = sigma(other),
           deviance = left$devfun(end), covariance = lapply(VarCorr(other), function(v) matrix(v, nrow(v))))
    })
    list(levels = names(one_by_one), fits = unname(one_by_one))
  }), refit)
  list(data = data, formula = deparse1(formula), REML = reml, weights = weights, theta = theta, names = names(fixef(fit)),
       kept = if (is.null(rows)) NULL else which(rows(read_table(data))),
       hat = unname(hatvalues(fit)), cooks_lme4 = unname(cooks.distance(fit)), held = dense(fit, sets, w),
       levels = lapply(sets, names), refits = refits)
}
golden <- function(id) fromJSON(file.path("../models", paste0(id, ".json")), simplifyVector = TRUE)
of_model <- function(id, ...) {
  g <- golden(id)
  one(id, g$dataset, g$call$formula, g$call$REML, g$call$weights, theta = g$theta$values, ...)
}

linear <- function(formula, data, weights = NULL) {
  d <- read_table(data)
  m <- if (is.null(weights)) lm(as.formula(formula), d) else do.call(lm, list(as.formula(formula), d, weights = d[[weights]]))
  list(data = data, formula = formula, weights = weights, names = names(coef(m)), hat = unname(hatvalues(m)),
       cooks = unname(cooks.distance(m)), dffits = unname(dffits(m)), covratio = unname(covratio(m)),
       dfbetas = unname(dfbetas(m)), dfbeta = unname(dfbeta(m)), rstandard = unname(rstandard(m)))
}

few <- function(d) d$school %in% levels(d$school)[seq(1, 160, by = 16)]
out <- list(
  versions = list(R = R.version.string, lme4 = as.character(packageVersion("lme4"))),
  mixed = list(
    sleep_rs = of_model("sleep_rs", by = "Subject"),
    sleep_weights = of_model("sleep_weights", by = "Subject"),
    hsb_few = one("hsb_few", "Hsb82", "mAch ~ cses * sector + (cses | school)", by = "school", rows = few),
    penicillin = of_model("penicillin", by = c("plate", "sample")),
    pastes = of_model("pastes", by = c("batch", "cask:batch"), refit = "batch"),
    three_nested = of_model("three_nested", by = c("sch", "cl:sch"), refit = "sch")),
  linear = list(
    few = linear("Reaction ~ Days", "sleepstudy"),
    weighted = linear("Reaction ~ Days", "sleepstudy_x", golden("sleep_weights")$call$weights)))
write_json(out, "influence.json", digits = 15, auto_unbox = TRUE, na = "null", null = "null")
