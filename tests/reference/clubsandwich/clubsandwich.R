# Cluster-robust covariances, Satterthwaite degrees of freedom and HTZ tests of clubSandwich, at the
# polished optima of ../models; nothing of Echelon is used.
# Run: Rscript clubsandwich.R (in this folder); writes clubsandwich.json
suppressMessages({library(lme4); library(clubSandwich); library(jsonlite)})
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

# lmer at given theta: no optimiser
at_theta <- function(formula, d, theta, reml) {
  parts <- lFormula(formula, d, REML = reml)
  devfun <- do.call(mkLmerDevfun, parts)
  value <- devfun(theta)
  mkMerMod(environment(devfun), list(par = theta, fval = value, feval = 1, conv = 0, message = ""),
           parts$reTrms, fr = parts$fr, mc = call("lmer", formula = formula))
}

# rows times the square roots of their weights: the same likelihood, without weights, which
# clubSandwich does not take for lmer
scaled <- function(d, w, columns) { for (name in columns) d[[name]] <- d[[name]] * sqrt(w); d }

report <- function(fit, cluster, tested, ...) {
  cluster <- factor(cluster)
  beta <- na.omit(coef_CS(fit))
  out <- list(names = names(beta), beta = unname(beta), clusters = nlevels(cluster), tested = tested)
  constraints <- diag(length(beta))[tested, , drop = FALSE]
  for (type in c("CR0", "CR1", "CR1S", "CR2")) {
    V <- vcovCR(fit, cluster = cluster, type = type, ...)
    test <- coef_test(fit, vcov = V, test = c("Satterthwaite", "naive-t"))
    joint <- Wald_test(fit, constraints = constraints, vcov = V, test = c("HTZ", "Naive-F"))
    out[[type]] <- list(
      vcov = unname(as.matrix(V)), se = test$SE, df = test$df_Satt, p = test$p_Satt, p_naive = test$p_t,
      htz = list(F = joint$Fstat[2], delta = joint$delta[2], df1 = joint$df_num[2],
                 df2 = joint$df_denom[2], p = joint$p_val[2]),
      naive = list(F = joint$Fstat[1], df2 = joint$df_denom[1], p = joint$p_val[1]))
  }
  out
}
coef_CS <- clubSandwich:::coef_CS

golden <- function(id) fromJSON(file.path("../models", paste0(id, ".json")), simplifyVector = TRUE)
mixed <- function(id, cluster, tested) {
  g <- golden(id)
  name <- g$dataset
  d <- if (name == "eclsk_like") read.csv("../../../src/echelon/datasets/files/eclsk.csv.gz") else read_table(name)
  fit <- at_theta(as.formula(g$call$formula), d, g$theta$values, g$call$REML)
  c(list(kind = "lmer", id = id, cluster = cluster), report(fit, fit@frame[[cluster]], tested))
}

cases <- list(
  hsb_full = mixed("hsb_full", "school", 4:6),
  hsb_null = mixed("hsb_null", "school", 1),
  sleep_rs = mixed("sleep_rs", "Subject", 1:2),
  sleep_crosslevel = mixed("sleep_crosslevel", "Subject", 3:4),
  unbal_ri = mixed("unbal_ri", "g", 2:3),
  singletons = mixed("singletons", "g", 1:2),
  egsingle_ri = mixed("egsingle_ri", "schoolid", 1:2),
  three_nested = mixed("three_nested", "sch", 2:5),
  pastes = mixed("pastes", "batch", 1),
  oats_sp = mixed("oats_sp", "Block", 3:4),
  orthodont_nocept = mixed("orthodont_nocept", "Subject", 1:4),
  lect_eclsk_ses = mixed("lect_eclsk_ses", "schid", 2:3))

# precision weights: sleepstudy's rows times the square roots of the weights
g <- golden("sleep_weights"); d <- read_table(g$dataset); w <- d[[g$call$weights]]
d$one <- 1; s <- scaled(d, w, c("Reaction", "Days", "one"))
fit <- at_theta(Reaction ~ 0 + one + Days + (0 + one + Days | Subject), s, g$theta$values, g$call$REML)
cases$sleep_weights <- c(list(kind = "lmer", id = "sleep_weights", cluster = "Subject"),
                         report(fit, s$Subject, 1:2))

# linear models
h <- read_table("Hsb82"); h$sector <- factor(h$sector, levels = c("Public", "Catholic"))
cases$lm_hsb <- c(list(kind = "lm", data = "Hsb82", formula = "mAch ~ meanses * cses + sector", cluster = "school"),
                  report(lm(mAch ~ meanses * cses + sector, h), h$school, 2:5))
u <- read_table("unbal"); u$last <- as.numeric(u$g == u$g[nrow(u)])
cases$lm_unbal_alone <- c(list(kind = "lm", data = "unbal", formula = "y ~ x + z + last", cluster = "g"),
                          report(lm(y ~ x + z + last, u), u$g, 2:3))
# weighted: rows times square roots of the weights, as Echelon takes precision=
d$w <- w; d$i <- 1; s <- scaled(d, w, c("Reaction", "Days", "i"))
cases$lm_weights <- c(list(kind = "lm", data = g$dataset, formula = "Reaction ~ Days", cluster = "Subject",
                           weights = g$call$weights), report(lm(Reaction ~ 0 + i + Days, s), s$Subject, 1:2))
# the same by lm(weights =), where clubSandwich's CR2 takes equal variances for the working model
plain <- lm(Reaction ~ Days, d, weights = w)
cases$lm_weights$identity_target <- lapply(c(CR0 = "CR0", CR1 = "CR1", CR2 = "CR2"), function(type)
  unname(as.matrix(vcovCR(plain, cluster = d$Subject, type = type))))

out <- list(versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                            clubSandwich = as.character(packageVersion("clubSandwich"))), cases = cases)
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE, na = "null"), "clubsandwich.json")
