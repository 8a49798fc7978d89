# Golden references of structured random effects: what glmmTMB() gives, polished, and where glmmTMB 1.1.5
# lacks the structure, what nlme's lme() gives. Reads ../data, writes models/<id>.json. Nothing of Echelon
# is used.  Run in this folder: Rscript structures.R
#
# glmmTMB: nlminb, then Newton steps with TMB's exact gradient and a numerical Jacobian of it (numDeriv)
# until the step is below 1e-8. nlme: lme() with tight control.
suppressMessages({library(glmmTMB); library(nlme); library(jsonlite); library(numDeriv)})
options(contrasts = c("contr.treatment", "contr.poly"), digits = 15)

path <- function(name, ending) file.path("..", "data", paste0(name, ending))
house <- function(name) {
  side <- fromJSON(path(name, ".json"), simplifyDataFrame = FALSE)
  packed <- path(name, ".csv.gz")
  d <- read.csv(if (file.exists(packed)) packed else path(name, ".csv"), colClasses = "character",
                check.names = FALSE)
  for (col in side$columns) d[[col$name]] <- switch(col$type,
    factor = factor(d[[col$name]], unlist(col$levels)),
    ordered = factor(d[[col$name]], unlist(col$levels), ordered = TRUE),
    as.numeric(d[[col$name]]))
  d
}

polish <- function(fit) {
  obj <- fit$obj
  par <- fit$fit$par
  for (i in 1:20) {
    g <- as.numeric(obj$gr(par))
    H <- jacobian(function(p) as.numeric(obj$gr(p)), par)
    step <- solve((H + t(H)) / 2, g)
    par <- par - step
    if (max(abs(step)) < 1e-8) break
  }
  value <- as.numeric(obj$fn(par))
  stopifnot(max(abs(step)) < 1e-6, eigen((H + t(H)) / 2)$values > 0, value <= fit$fit$objective + 1e-8)
  list(par = par, value = value, H = (H + t(H)) / 2, step = max(abs(step)), gradient = max(abs(obj$gr(par))),
       report = obj$report(obj$env$last.par), last = obj$env$last.par)
}

covariances <- function(report) lapply(seq_along(report$corr), function(i) {
  sd <- as.numeric(report$sd[[i]])
  k <- length(sd)
  corr <- if (k > 1) matrix(as.numeric(report$corr[[i]]), k, k) else matrix(1, 1, 1)
  if (anyNA(corr)) corr <- diag(k)
  list(sd = I(sd), corr = corr)
})

store <- function(id, about, data, formula, ours, reml, numbers) {
  out <- c(list(id = id, description = about, dataset = data, formula = formula, ours = ours,
                reml = reml, versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
                glmmTMB = as.character(packageVersion("glmmTMB")), TMB = as.character(packageVersion("TMB")),
                nlme = as.character(packageVersion("nlme")))), numbers)
  write(toJSON(out, auto_unbox = TRUE, digits = NA, pretty = TRUE), file.path("models", paste0(id, ".json")))
  cat(id, numbers$logLik, "\n")
}

tmb <- function(id, about, data, formula, ours, reml, table = house(data), start = NULL) {
  fit <- suppressWarnings(glmmTMB(as.formula(formula), table, REML = reml, start = start,
    control = glmmTMBControl(optCtrl = list(iter.max = 5000, eval.max = 5000, rel.tol = 1e-14))))
  done <- polish(fit)
  beta <- done$last[names(done$last) == "beta"]
  # at given variance parameters, as lme4 and nlme: the block of beta, not the inverse of all
  random <- names(done$last)[fit$obj$env$random]
  se <- if (reml) {
    inner <- as.matrix(solve(fit$obj$env$spHess(done$last, random = TRUE)))
    sqrt(diag(inner))[random == "beta"]
  } else {
    of <- names(done$par) == "beta"
    sqrt(diag(solve(done$H[of, of])))
  }
  sigma <- exp(done$last[names(done$last) == "betad"] / 2)
  store(id, about, data, formula, ours, reml, list(program = "glmmTMB", logLik = -done$value,
    sigma = as.numeric(sigma), fixed_names = I(names(fixef(fit)$cond)), fixef = I(as.numeric(beta)),
    se = I(as.numeric(se)), terms = covariances(done$report),
    parameters = length(done$par) + (if (reml) length(beta) else 0), polish = list(step = done$step, gradient = done$gradient)))
}

lme_ <- function(id, about, data, formula, random, ours, reml, table = house(data)) {
  fit <- lme(as.formula(formula), table, random = random, method = if (reml) "REML" else "ML",
    control = lmeControl(msMaxIter = 500, msMaxEval = 2000, maxIter = 500, tolerance = 1e-12, msTol = 1e-14,
                         niterEM = 100, opt = "nlminb"))
  terms <- lapply(rev(fit$modelStruct$reStruct), function(part) {
    V <- as.matrix(part) * fit$sigma^2
    list(sd = I(sqrt(as.numeric(diag(V)))), corr = unname(cov2cor(V)))
  })
  store(id, about, data, paste(formula, "with", paste(deparse(random), collapse = "")), ours, reml, list(
    program = "nlme", logLik = as.numeric(logLik(fit)), sigma = fit$sigma, fixed_names = I(names(fixef(fit))),
    fixef = I(as.numeric(fixef(fit))), se = I(as.numeric(sqrt(diag(vcov(fit))))), terms = unname(terms),
    parameters = attr(logLik(fit), "df")))
}

sleep <- house("sleepstudy"); sleep$day <- factor(sleep$Days)
school <- house("egsingle_sub"); school$when <- factor(school$occasion)

for (reml in c(FALSE, TRUE)) {
  end <- if (reml) "_reml" else "_ml"
  id <- function(name) paste0(name, end)
  tmb(id("sleep_diag"), "uncorrelated intercepts and slopes", "sleepstudy",
      "Reaction ~ Days + diag(Days | Subject)", "Reaction ~ Days + diag(Days | Subject)", reml)
  tmb(id("sleep_cs"), "compound symmetry of two effects: unstructured", "sleepstudy",
      "Reaction ~ Days + cs(Days | Subject)", "Reaction ~ Days + cs(Days | Subject)", reml)
  tmb(id("sleep_ar1"), "AR(1) over ten days, one row a day", "sleepstudy",
      "Reaction ~ Days + ar1(0 + day | Subject)", "Reaction ~ Days + ar1(0 + factor(Days) | Subject)", reml,
      sleep, list(theta = c(4, 1), betad = 5))  # from its own start glmmTMB runs to sigma = 0
  tmb(id("machines_cs"), "a variance for each machine, one correlation", "Machines",
      "score ~ Machine + cs(0 + Machine | Worker)", "score ~ Machine + cs(0 + Machine | Worker)", reml)
  tmb(id("machines_diag"), "a variance for each machine", "Machines",
      "score ~ Machine + diag(0 + Machine | Worker)", "score ~ Machine + diag(0 + Machine | Worker)", reml)
  tmb(id("machines_ar1"), "AR(1) over machines", "Machines", "score ~ Machine + ar1(0 + Machine | Worker)",
      "score ~ Machine + ar1(0 + Machine | Worker)", reml)
  tmb(id("sleep_cs_days"), "a variance for each day, one correlation, one row a day", "sleepstudy",
      "Reaction ~ Days + cs(0 + day | Subject)", "Reaction ~ Days + cs(0 + factor(Days) | Subject)", reml,
      sleep, list(theta = c(rep(4, 10), 1), betad = 6))
  tmb(id("sleep_ar1_1"), "AR(1) beside a random intercept", "sleepstudy",
      "Reaction ~ day + (1 | Subject) + ar1(0 + day | Subject)",
      "Reaction ~ factor(Days) + (1 | Subject) + ar1(0 + factor(Days) | Subject)", reml, sleep,
      list(theta = c(3, 4, 1), betad = 5))
  tmb(id("egsingle_ar1"), "AR(1) over occasions of a child, children in schools, occasions missing",
      "egsingle_sub", "math ~ year + (1 | schoolid) + ar1(0 + when | childid)",
      "math ~ year + (1 | schoolid) + ar1(0 + factor(occasion) | childid)", reml, school)
  lme_(id("machines_homcs"), "one variance and one correlation (pdCompSymm)", "Machines", "score ~ Machine",
       list(Worker = pdCompSymm(~ Machine - 1)), "score ~ Machine + cs(0 + Machine | Worker, hom = TRUE)", reml)
  lme_(id("machines_homdiag"), "one variance (pdIdent)", "Machines", "score ~ Machine",
       list(Worker = pdIdent(~ Machine - 1)), "score ~ Machine + diag(0 + Machine | Worker, hom = TRUE)", reml)
  lme_(id("sleep_homdiag"), "one variance of intercepts and slopes (pdIdent)", "sleepstudy", "Reaction ~ Days",
       list(Subject = pdIdent(~ Days)), "Reaction ~ Days + diag(Days | Subject, hom = TRUE)", reml)
}
