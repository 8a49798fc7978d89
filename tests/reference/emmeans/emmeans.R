# Golden references of marginal means beyond ../models: weights, adjustments, Dunnett, by-groups, empty
# cells, offsets, transformed and two-valued predictors. Writes emmeans.json.gz here; nothing of Echelon is
# used.  Run in this folder: Rscript emmeans.R
#
# "mvt" and "dunnett" p-values are mvtnorm's on the correlations of emmeans' own contrasts, to about 1e-6
# (emmeans' "dunnettx" is an approximation, its "mvt" has three digits); "dunnettx" is kept beside
# them, and multcomp's Dunnett test of the additive model.
suppressMessages({library(lme4); library(lmerTest); library(emmeans); library(mvtnorm)
  library(multcomp); library(jsonlite)})
options(contrasts = c("contr.treatment", "contr.poly"), digits = 15)
set.seed(20240607)

# --- tables ---------------------------------------------------------------------------------------
warp <- warpbreaks[-c(1:3, 11, 30, 31, 47), ]  # unequal cells
warp$x <- round(runif(nrow(warp), 1, 9), 2)
warp$z <- round(0.3 * warp$x + rnorm(nrow(warp)), 2)
warp$dose <- sample(c(1, 2, 4), nrow(warp), TRUE)
warp$late <- sample(0:1, nrow(warp), TRUE, c(0.7, 0.3))
warp$flag <- sample(c(FALSE, TRUE), nrow(warp), TRUE)
warp$w <- round(runif(nrow(warp), 0.5, 3), 2)
hole <- subset(warp, !(wool == "B" & tension == "H"))  # an empty cell
eclsk <- read.csv("../../../src/echelon/datasets/files/eclsk.csv.gz")
house <- function(name) {
  side <- fromJSON(file.path("..", "data", paste0(name, ".json")), simplifyDataFrame = FALSE)
  packed <- file.path("..", "data", paste0(name, ".csv.gz"))
  d <- read.csv(if (file.exists(packed)) packed else sub(".gz$", "", packed), colClasses = "character")
  for (col in side$columns) d[[col$name]] <- switch(col$type,
    factor = factor(d[[col$name]], unlist(col$levels)),
    ordered = factor(d[[col$name]], unlist(col$levels), ordered = TRUE), as.numeric(d[[col$name]]))
  d
}
tight <- lmerControl(optimizer = "nloptwrap",
  optCtrl = list(algorithm = "NLOPT_LN_BOBYQA", xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-12,
                 ftol_rel = 1e-16, maxeval = 1e5), calc.derivs = FALSE)
emm_options(lmerTest.limit = 1e6, lmer.df = "satterthwaite")

# --- what is kept ---------------------------------------------------------------------------------
plain <- function(summed, unwanted = character(0)) {
  d <- as.data.frame(summed)
  d[] <- lapply(d, function(x) if (is.factor(x)) as.character(x) else x)
  d[, setdiff(names(d), unwanted)]
}
# p-values of the largest |t| in each family, by numerical integration
largest <- function(con) {
  found <- as.data.frame(summary(con, adjust = "none", infer = c(TRUE, TRUE)))
  R <- cov2cor(vcov(con)); by <- con@misc$by.vars
  sets <- if (is.null(by)) list(seq_len(nrow(found))) else
    split(seq_len(nrow(found)), interaction(con@grid[by], drop = TRUE))
  p <- error <- numeric(nrow(found))
  for (rows in sets) for (i in rows) {
    one <- pmvt(rep(-abs(found$t.ratio[i]), length(rows)), rep(abs(found$t.ratio[i]), length(rows)),
      df = round(found$df[i]), corr = R[rows, rows],
      algorithm = GenzBretz(maxpts = 5e5, abseps = 1e-6))
    p[i] <- 1 - one; error[i] <- attr(one, "error")
  }
  list(p = p, error = max(error))
}
contrasts_of <- function(emm, method, adjusts, ...) {
  con <- contrast(emm, method, ...)
  made <- lapply(adjusts, function(a) plain(summary(con, adjust = a, infer = c(TRUE, TRUE))))
  names(made) <- adjusts
  c(list(adjust = made), if (method %in% c("trt.vs.ctrl", "consec")) list(largest = largest(con)))
}
DEFAULTS <- c("none", "bonferroni", "sidak", "holm", "fdr")
methods_of <- function(emm, which, ...) sapply(which, function(method)
  contrasts_of(emm, method, c(DEFAULTS, if (method == "pairwise") "tukey",
    if (method == "trt.vs.ctrl") "dunnettx")), simplify = FALSE)

case <- function(id, fit, specs, by = NULL, at = NULL, weights = c("equal"), which = "pairwise", call,
                 data) {
  made <- lapply(weights, function(w) {
    emm <- do.call(emmeans, c(list(fit, specs, by = by, weights = w), if (!is.null(at)) list(at = at)))
    list(weights = w, means = plain(summary(emm, infer = c(TRUE, TRUE))),
         contrasts = methods_of(emm, which))
  })
  list(id = id, data = data, call = call, specs = specs, by = by, at = at, made = made)
}

WAYS <- c("equal", "proportional", "cells", "outer")
EVERY <- c("pairwise", "trt.vs.ctrl", "consec", "eff", "poly")
cross <- lm(breaks ~ wool * tension, warp)
sums <- lm(breaks ~ wool + tension + x, warp)
rich <- lm(log(breaks) ~ wool + factor(dose) + poly(x, 2) + I(z^2) + late + flag, warp)
weighted <- lm(breaks ~ wool + tension * z, warp, weights = w)
shifted <- lm(breaks ~ wool * late + offset(x / 2), warp)
holed <- lm(breaks ~ wool * tension, hole)
cake <- lmer(angle ~ recipe * temperature + (1 | recipe:replicate), house("cake"), control = tight)
oats <- lmer(yield ~ nitro + Variety + (1 | Block/Variety), house("Oats"), control = tight)
three <- lmer(y ~ ses + trt * urban + (1 | sch/cl), house("threelevel"), control = tight)
sector <- lmer(g1rscore ~ sector + schmeansesc + (1 | schid), eclsk, control = tight)
cells <- c("equal", "cells")
cases <- list(
  case("cross_tension", cross, "tension", weights = WAYS, which = EVERY,
       call = "breaks ~ wool * tension", data = "warp"),
  case("cross_by", cross, "tension", by = "wool", which = EVERY, call = "breaks ~ wool * tension",
       data = "warp"),
  case("cross_both", cross, c("wool", "tension"), call = "breaks ~ wool * tension", data = "warp"),
  case("sums", sums, "tension", weights = WAYS, which = EVERY, call = "breaks ~ wool + tension + x",
       data = "warp"),
  case("rich_wool", rich, "wool", weights = WAYS,
       call = "log(breaks) ~ wool + factor(dose) + poly(x, 2) + I(z^2) + late + flag", data = "warp"),
  case("rich_dose", rich, "dose", by = "late", at = list(x = c(2, 5), z = 1), weights = WAYS,
       call = "log(breaks) ~ wool + factor(dose) + poly(x, 2) + I(z^2) + late + flag", data = "warp"),
  case("rich_flag", rich, "flag", at = list(late = 1, wool = "B"), weights = WAYS,
       call = "log(breaks) ~ wool + factor(dose) + poly(x, 2) + I(z^2) + late + flag", data = "warp"),
  case("weighted", weighted, "tension", at = list(z = c(0, 3)), weights = WAYS,
       call = "breaks ~ wool + tension * z", data = "warp"),
  case("shifted", shifted, "late", by = "wool", call = "breaks ~ wool * late + offset(x / 2)",
       data = "warp"),
  case("holed", holed, "wool", weights = cells, call = "breaks ~ wool * tension", data = "hole"),
  case("holed_both", holed, c("wool", "tension"), call = "breaks ~ wool * tension", data = "hole"),
  case("cake", cake, "temperature", which = EVERY, call = "cake_rt", data = "model"),
  case("cake_by", cake, "recipe", by = "temperature", at = list(temperature = c("175", "225")),
       which = c("pairwise", "trt.vs.ctrl"), call = "cake_rt", data = "model"),
  case("oats", oats, "Variety", which = EVERY[1:4], call = "oats_sp", data = "model"),
  case("three", three, "urban", weights = WAYS, which = EVERY[1:4], call = "three_nested",
       data = "model"),
  case("sector", sector, "sector", weights = cells, call = "lect_eclsk_ses", data = "model")
)

dunnett <- function(fit, factor) {
  args <- list("Dunnett"); names(args) <- factor
  found <- summary(glht(fit, do.call(mcp, args)), test = adjusted(abseps = 1e-6, maxpts = 1e6))
  as.numeric(found$test$pvalues)
}
versions <- sapply(c("emmeans", "lme4", "lmerTest", "mvtnorm", "multcomp"),
  function(p) as.character(packageVersion(p)))
packed <- gzfile("emmeans.json.gz", "w")
writeLines(toJSON(list(
  versions = c(as.list(versions), R = paste(R.version$major, R.version$minor, sep = ".")),
  warp = warp, multcomp = list(sums = dunnett(sums, "tension"), weighted = dunnett(
    lm(breaks ~ wool + tension, warp, weights = w), "tension")), cases = cases),
  digits = 15, auto_unbox = TRUE, na = "null", null = "null"), packed)
close(packed)
