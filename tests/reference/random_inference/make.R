# Tests and intervals of the designs of make.py by lmerTest, pbkrtest, lme4, clubSandwich and emmeans, to
# results.json.gz. Run in this folder: Rscript make.R [case ...]
# Fits are refined by Newton steps, and lmerTest is given derivatives by wide Richardson differences,
# good to about 1e-8 where its own have 3 or 4 digits; `df_plain` are those of its own.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(clubSandwich); library(emmeans)
  library(numDeriv); library(jsonlite)})
# lmerTest overlooks that `x` is contained in `a:x` of a model without `a`: see ../anova/make.R
counted <- sub("==[[:space:]]*1\\]", "> 0]", paste(deparse(lmerTest:::term_contain), collapse = "\n"))
stopifnot(grepl("> 0", counted))
assignInNamespace("term_contain", eval(parse(text = counted), asNamespace("lmerTest")), "lmerTest")
emm_options(pbkrtest.limit = 1e5, lmerTest.limit = 1e5)
specs <- fromJSON("designs.json"); data <- read.csv("designs.csv.gz")
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e5),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
  check.rankX = "silent.drop.cols", calc.derivs = FALSE)
WIDE <- list(d = 0.1, eps = 0.01, r = 6, zero.tol = 0.02)
PROFILED <- c(0, 5, 7, 13, 21, 24, 26, 38)

polished <- function(args) {
  m <- do.call(lme4::lmer, args); devfun <- update(m, devFunOnly = TRUE); theta <- getME(m, "theta")
  held <- getME(m, "lower") == 0 & theta < 1e-4
  theta[held] <- 0
  value <- function(x) { at <- theta; at[!held] <- x; devfun(at) }
  for (i in 1:6) if (any(!held)) {
    found <- eigen(hessian(value, theta[!held], method.args = WIDE), symmetric = TRUE)
    g <- drop(crossprod(found$vectors, grad(value, theta[!held], method.args = WIDE)))
    big <- found$values > 1e-6 * max(found$values)
    step <- drop(found$vectors[, big, drop = FALSE] %*% (g[big] / found$values[big]))
    if (value(theta[!held] - step) > value(theta[!held]) + 1e-9) break
    theta[!held] <- theta[!held] - step
  }
  parts <- do.call(lFormula, args)
  devfun(theta)
  made <- mkMerMod(environment(devfun), list(par = theta, fval = devfun(theta), feval = 1, conv = 0, message = ""),
                   parts$reTrms, fr = parts$fr, mc = m@call)
  made@optinfo$optimizer <- "bobyqa"; made@optinfo$control <- control$optCtrl
  made
}
with_derivatives <- function(m, devfun) {  # lmerTest:::as_lmerModLT with other steps
  res <- as(m, "lmerModLmerTest")
  res@sigma <- sigma(m); res@vcov_beta <- as.matrix(vcov(m))
  at <- unname(c(m@theta, res@sigma))
  found <- eigen(hessian(lmerTest:::devfun_vp, at, method.args = WIDE, devfun = devfun, reml = isREML(m)),
                 symmetric = TRUE)
  pos <- found$values > 1e-8
  res@vcov_varpar <- 2 * found$vectors[, pos] %*% (t(found$vectors[, pos]) / found$values[pos])
  jac <- jacobian(lmerTest:::get_covbeta, at, method.args = WIDE, devfun = devfun)
  res@Jac_list <- lapply(seq_len(ncol(jac)), function(i) matrix(jac[, i], length(res@beta)))
  devfun(m@theta)
  res
}
lower <- function(V) { V <- as.matrix(V); V[lower.tri(V, TRUE)] }
table_of <- function(t, ...) c(list(term = trimws(rownames(t))), unclass(t)[c(...)])
emm_of <- function(e) { s <- as.data.frame(summary(e)); pick <- intersect(c("emmean", "x.trend", "estimate", "SE", "df", "p.value"), names(s))
  keys <- setdiff(names(s), c(pick, "lower.CL", "upper.CL", "t.ratio"))
  c(list(key = do.call(paste, c(lapply(s[keys], as.character), sep = "|"))), setNames(as.list(s[pick]), sub("emmean|x.trend", "estimate", pick))) }
safely <- function(x) tryCatch(suppressMessages(suppressWarnings(x)), error = function(e) list(error = conditionMessage(e)))

robust <- function(s, args, d, L) {
  if (grepl("offset", s$formula)) {  # clubSandwich leaves offsets in the residuals
    d$y <- d$y - d$off; args$data <- d
    args[[1]] <- as.formula(sub("\\+ offset\\(off\\)", "", paste(deparse(args[[1]], 500), collapse = ""))) }
  m <- polished(args)
  cluster <- factor(m@frame$g)
  sapply(c("CR0", "CR1", "CR2"), simplify = FALSE, function(type) {
    V <- vcovCR(m, cluster = cluster, type = type)
    joint <- Wald_test(m, constraints = L, vcov = V, test = "HTZ")
    list(vcov = lower(V), df = coef_test(m, vcov = V, test = "Satterthwaite")$df, joint = c(joint$Fstat, joint$df_denom)) })
}
marginal <- function(s, m, d, ddf) {
  has <- function(v) grepl(paste0("\\b", v, "\\b"), sub("\\(.*\\|.*", "", s$formula))
  f <- if (has("a")) "a" else if (has("b")) "b"
  out <- list()
  if (!is.null(f)) {
    e <- emmeans(m, f, nesting = list(), lmer.df = ddf, data = d)
    out$means <- emm_of(e); out$pairs <- emm_of(pairs(e))
    crossed <- grepl("a( \\* |:)b", s$formula); by_x <- grepl("a \\* x|a:x", s$formula)
    if (crossed || by_x) {
      ways <- if (!crossed) list(x = signif(quantile(d$x, c(.25, .75), names = FALSE), 3))
      e <- do.call(emmeans, c(list(m, f, by = if (crossed) "b" else "x", lmer.df = ddf, data = d, nesting = list()), list(at = ways)[!is.null(ways)]))
      out$by <- c(list(by = if (crossed) "b" else "x", at = ways), emm_of(e)); out$by_pairs <- emm_of(pairs(e))
    }
  }
  if (has("x")) {  # forward differences of emtrends, centred by half a step
    h <- 1e-3 * diff(range(d$x)); at <- signif(quantile(d$x, c(.2, .6), names = FALSE), 4)
    by <- if (grepl("a \\* x|a:x|a \\* b \\* x", s$formula)) "a"
    spec <- c(by, "x"); bent <- grepl("poly|\\^2", s$formula)
    out$slopes <- c(list(by = by, at = if (bent) at), emm_of(emtrends(m, if (bent) spec else if (is.null(by)) ~1 else by, var = "x", delta.var = h,
      at = list(x = if (bent) at - h / 2 else mean(d$x)), lmer.df = ddf, data = d, nesting = list())))
  }
  out
}
# 95 % limits of the ML profile, with confint's beside them, which are those of splines. One random intercept.
limits <- function(m, args) {
  found <- confint(profile(m, signames = FALSE), level = 0.95)
  args$REML <- FALSE; parts <- do.call(lFormula, args); y <- model.response(parts$fr)
  top <- function(value) min(value(0), optimize(function(u) value(exp(u)), c(-6, 4), tol = 1e-9)$objective)
  devfun <- function(y, X) { fr <- parts$fr; fr[[1]] <- y; mkLmerDevfun(fr, X, parts$reTrms, REML = FALSE) }
  whole <- devfun(y, parts$X); least <- top(whole)
  fixed <- function(k) { function(b) top(devfun(y - b * parts$X[, k], parts$X[, -k, drop = FALSE])) }
  both <- function(theta, sigma) lmerTest:::devfun_vp(c(theta, sigma), whole, FALSE)
  sds <- list(function(s) optimize(function(u) both(s / exp(u), exp(u)), log(sigma(m)) + c(-1.5, 1.5), tol = 1e-9)$objective,
              function(s) top(function(theta) both(theta, s)))
  root <- function(value, near, width, way) {
    if (near == 0 && way == "downX") return(0)  # an SD that may be zero
    gap <- function(x) value(x) - least - qchisq(0.95, 1)
    uniroot(gap, near + c(-0.02, 0.02) * width, extendInt = way, tol = 1e-10 * width)$root
  }
  exact <- sapply(seq_len(nrow(found)), function(i) {
    value <- if (i <= 2) sds[[i]] else fixed(i - 2)
    near <- found[i, ]
    if (anyNA(near)) # confint's splines fail
      near <- if (m@theta == 0 && i == 1) c(0, sigma(m) / 3) else c(m@theta * sigma(m), sigma(m))[i] * c(0.7, 1.5)
    c(root(value, near[1], diff(near), "downX"), root(value, near[2], diff(near), "upX")) })
  list(term = rownames(found), low = exact[1, ], high = exact[2, ], spline_low = unname(found[, 1]), spline_high = unname(found[, 2]))
}
one <- function(s) {
  # R lays poly(x, 2) over rows that it then leaves out, and its search and numerical derivatives need slopes of
  # columns near zero and one (`xr`: the same model, but for theta)
  d <- data[data$case == s$case, ]; d <- d[!sapply(d, function(v) all(is.na(v)))]; d <- d[!is.na(d$y), ]
  correlated <- grepl("(x | g)", s$formula, fixed = TRUE)
  if (grepl("x \\|", s$formula)) d$xr <- (d$x - correlated * mean(d$x)) / sqrt(mean((d$x - correlated * mean(d$x))^2))
  model <- gsub("x \\|", "xr |", s$formula)
  contrasts <- NULL
  if (s$contrasts != "treatment") contrasts <- sapply(intersect(c("a", "b"), names(d)), function(v) paste0("contr.", s$contrasts), simplify = FALSE)
  args <- list(as.formula(model), data = d, REML = s$reml, control = control)
  if (s$weighted) args$weights <- d$wt
  if (length(contrasts)) args$contrasts <- contrasts
  m <- polished(args); devfun <- update(m, devFunOnly = TRUE)
  fit <- with_derivatives(m, devfun); plain <- lmerTest:::as_lmerModLT(m, devfun)
  p <- length(fixef(m)); set.seed(s$case)
  repeat { L <- matrix(sample(-2:2, 2 * p, TRUE), 2); if (qr(L)$rank == 2 || p < 2) break }
  K <- sweep(L, 2, unname(sqrt(diag(as.matrix(vcov(m))))), "/")  # coefficients in their standard errors
  dfs <- function(f, ddf) coef(summary(f, ddf = ddf))[, c("Std. Error", "df"), drop = FALSE]
  kr <- s$reml && !s$weighted
  out <- list(case = s$case, deviance = -2 * as.numeric(logLik(m)), singular = isSingular(m, 1e-3), theta = m@theta, names = names(fixef(m)), estimate = unname(fixef(m)),
    se = unname(dfs(fit, "Satterthwaite")[, 1]), df = unname(dfs(fit, "Satterthwaite")[, 2]), df_plain = unname(dfs(plain, "Satterthwaite")[, 2]), L = as.vector(t(L)))
  j <- contestMD(fit, K); out$joint <- c(j[["F value"]], j$NumDF, j$DenDF)
  if (kr) {
    out$kr <- safely({ k <- dfs(fit, "Kenward-Roger"); list(vcov = lower(vcovAdj(m)), df = unname(k[, 2])) })
    out$kr_joint <- safely({ t <- KRmodcomp(m, K)$stats; c(t$FstatU, t$ddf, t$F.scaling) })
  }
  for (type in c("I", "II", "III")) for (ddf in c("Satterthwaite", if (kr) "Kenward-Roger"))
    out[[paste("anova", type, ddf)]] <- safely(table_of(anova(fit, type = type, ddf = ddf), "Sum Sq", "NumDF", "DenDF", "F value"))
  out$ranova <- safely(table_of(ranova(fit), "npar", "logLik", "LRT", "Df"))
  out$drop1 <- safely(table_of(drop1(m, test = "Chisq"), "npar", "AIC", "LRT"))
  if (!s$weighted && !grepl("h\\)", sub("g/h", "", model))) out$robust <- safely(robust(s, args, d, K))
  out$marginal <- safely(marginal(s, fit, d, "satterthwaite"))
  if (kr) out$marginal_kr <- safely(marginal(s, fit, d, "kenward-roger"))
  if (s$case %in% PROFILED) out$profile <- limits(m, args)
  message(s$case, " ", s$formula, " ", format(Sys.time(), "%T"))
  out
}
asked <- as.integer(commandArgs(TRUE)); if (!length(asked)) asked <- specs$case
fits <- lapply(asked, function(i) suppressWarnings(one(specs[i + 1, ])))
packages <- c("lme4", "lmerTest", "pbkrtest", "clubSandwich", "emmeans", "numDeriv")
versions <- c(R = as.character(getRversion()), sapply(packages, function(p) as.character(packageVersion(p))))
out <- gzfile(if (length(commandArgs(TRUE))) "trial.json.gz" else "results.json.gz", "w")
writeLines(toJSON(list(versions = as.list(versions), fits = fits), digits = I(11), auto_unbox = TRUE, na = "null", null = "null"), out)
close(out)
