# What follows a fit, for the designs of make.py, by lme4, performance and insight, to results.json.gz. Run in this
# folder: Rscript make.R [case ...]. Optima are refined by Newton steps, those of the refits without a group too.
suppressMessages({library(lme4); library(performance); library(insight); library(numDeriv); library(jsonlite)})
specs <- fromJSON("designs.json"); data <- read.csv("designs.csv.gz", na.strings = c("", "NA"))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e5),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
  check.rankX = "silent.drop.cols", calc.derivs = FALSE)
WIDE <- list(d = 0.1, eps = 0.01, r = 6, zero.tol = 0.02)
LEFT_OUT <- c(0, 1, 3, 4, 5, 6, 7, 17, 19, 22, 33)  # cases refitted without each group of g

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
safely <- function(x) tryCatch(suppressMessages(suppressWarnings(x)), error = function(e) list(error = conditionMessage(e)))
plain <- function(v) unname(as.vector(v))
# the part of the prediction that is one factor's, all of its terms together
part_of <- function(m, factor) {
  bars <- findbars(formula(m))
  mine <- Filter(function(b) setequal(all.vars(b[[3]]), strsplit(factor, ":")[[1]]), bars)
  as.formula(paste("~", paste0("(", sapply(mine, deparse), ")", collapse = " + ")))
}
one <- function(s) {
  d <- data[data$case == s$case, ]; d <- d[!sapply(d, function(v) all(is.na(v)))]
  new <- d[d$kind == "new", ]; d <- d[d$kind == "fit", ]
  if (grepl("poly", s$formula)) d <- d[!is.na(d$y), ]
  contrasts <- NULL
  if (s$contrasts != "treatment") contrasts <- sapply(intersect(c("a", "b"), names(d)), function(v) paste0("contr.", s$contrasts), simplify = FALSE)
  args <- list(as.formula(s$formula), data = d, REML = s$reml, control = control)
  if (s$weighted) args$weights <- d$wt
  if (length(contrasts)) args$contrasts <- contrasts
  m <- suppressMessages(suppressWarnings(polished(args)))
  ask <- function(form) safely(plain(predict(m, new, re.form = form, allow.new.levels = TRUE)))
  effects <- ranef(m, condVar = TRUE)
  variances <- safely(get_variance(m, tolerance = 1e-12)); r2 <- safely(r2_nakagawa(m, tolerance = 1e-12))
  out <- list(case = s$case, deviance = -2 * as.numeric(logLik(m)), singular = isSingular(m, 1e-4), sigma = sigma(m),
    names = names(fixef(m)), estimate = plain(fixef(m)), se = plain(sqrt(diag(as.matrix(vcov(m))))),
    predict = list(all = ask(NULL), none = ask(NA)),
    parts = sapply(names(effects), function(f) ask(part_of(m, f)), simplify = FALSE),
    fitted = plain(fitted(m)), response = plain(resid(m)), pearson = plain(resid(m, "pearson")),
    scaled = plain(resid(m, "pearson", scaled = TRUE)), hat = plain(hatvalues(m)), cooks = plain(cooks.distance(m)),
    ranef = lapply(effects, function(e) { v <- attr(e, "postVar"); if (!is.list(v)) v <- list(v)  # of || one a term
      sd <- lapply(v, function(each) matrix(sqrt(apply(each, 3, diag)), dim(each)[1]))
      list(levels = rownames(e), effects = names(e), mode = plain(as.matrix(e)), sd = plain(do.call(rbind, sd))) }),
    variance = safely(variances[c("var.fixed", "var.random", "var.residual")]),
    r2 = safely(list(marginal = r2$R2_marginal, conditional = r2$R2_conditional)))
  if (s$case %in% LEFT_OUT) out$without <- lapply(sort(unique(as.character(m@frame$g))), function(level) {
    less <- args; keep <- as.character(d$g) != level
    less$data <- d[keep, ]; if (s$weighted) less$weights <- d$wt[keep]
    f <- suppressMessages(suppressWarnings(polished(less)))
    list(level = level, names = names(fixef(f)), estimate = plain(fixef(f)), se = plain(sqrt(diag(as.matrix(vcov(f))))),
         deviance = -2 * as.numeric(logLik(f)), sigma = sigma(f), singular = isSingular(f, 1e-4)) })
  message(s$case, " ", s$formula, " ", format(Sys.time(), "%T"))
  out
}
asked <- as.integer(commandArgs(TRUE)); if (!length(asked)) asked <- specs$case
fits <- lapply(asked, function(i) one(specs[i + 1, ]))
packages <- c("lme4", "performance", "insight", "numDeriv")
versions <- c(R = as.character(getRversion()), sapply(packages, function(p) as.character(packageVersion(p))))
out <- gzfile(if (length(commandArgs(TRUE))) "trial.json.gz" else "results.json.gz", "w")
writeLines(toJSON(list(versions = as.list(versions), fits = fits), digits = I(11), auto_unbox = TRUE, na = "null", null = "null"), out)
close(out)
