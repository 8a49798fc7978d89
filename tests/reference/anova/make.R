# Analysis of variance tables of unbalanced designs, by lmerTest, car and stats. Run in this folder:
#   Rscript make.R
# writes data.csv (made here, seed below) and tables.json. Fits are refined until the gradient is small, so
# that F is good to 1e-6 where lmerTest's defaults give 1e-4.
suppressMessages({library(lme4); library(lmerTest); library(car); library(jsonlite)})
set.seed(20240611)
n <- 150
d <- data.frame(g = rep(1:25, each = 6), a = sample(c("low", "mid", "high"), n, TRUE, c(.5, .3, .2)),
                b = sample(c("yes", "no"), n, TRUE, c(.65, .35)), o = sample(1:4, n, TRUE),
                x = round(rnorm(n, 3), 3), z = round(rnorm(n), 3), w = sample(1:4, n, TRUE))
d$y <- round(10 + 2 * (d$a == "mid") - (d$b == "yes") + .5 * d$x + .4 * d$o + .7 * (d$a == "high") * d$x +
             rnorm(25, sd = 2)[d$g] + rnorm(n, sd = 2) / sqrt(d$w), 3)
write.csv(d, "data.csv", row.names = FALSE)
prepare <- function(d) within(d, {
  g <- factor(g); a <- factor(a, c("low", "mid", "high")); b <- factor(b, c("yes", "no"))
  o <- factor(o, 1:4, ordered = TRUE) })
d <- prepare(d)
hole <- droplevels(subset(d, !(a == "high" & b == "no")))
formulas <- list(
  two_way = y ~ a * b, ordered = y ~ a * o, covariate = y ~ x * a + z, three_way = y ~ a * b * x,
  poly = y ~ poly(x, 2) * b + a, square = y ~ x + I(x^2) + a:x + b, nested = y ~ a + a:b,
  cells = y ~ 0 + a + b, slopes = y ~ 0 + b + b:x, no_margin = y ~ x:a + b, crossed_cells = y ~ a:b,
  twice = y ~ a + x + I(2 * x) + b)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5),
                       check.conv.grad = "ignore", check.rankX = "silent.drop.cols")
table_of <- function(t) lapply(seq_len(nrow(t)), function(i) c(list(term = rownames(t)[i]), as.list(t[i, ])))
cases <- list()
one <- function(name, data, formula, weights = NULL, contrasts = NULL) {
  mixed <- update(formula, . ~ . + (1 | g))
  m <- do.call(lmerTest::lmer, list(mixed, data, weights = weights, contrasts = contrasts, control = control))
  made <- list(formula = paste(deparse(mixed, 500), collapse = ""), data = name$data,
               weights = !is.null(weights), contrasts = contrasts)
  for (type in c("I", "II", "III")) for (ddf in c("Satterthwaite", "Kenward-Roger"))
    if (ddf == "Satterthwaite" || is.null(weights))
      made[[paste(type, ddf)]] <- table_of(suppressMessages(anova(m, type = type, ddf = ddf)))
  made[["drop Satterthwaite"]] <- table_of(drop1(m))
  for (type in 2:3) made[[paste("car", type)]] <-
    tryCatch(table_of(car::Anova(as(m, "lmerMod"), type = type, singular.ok = TRUE)), error = function(e) NULL)
  plain <- do.call(lm, list(formula, data, weights = weights, contrasts = contrasts))
  made[["lm I"]] <- table_of(anova(plain))
  made[["lm car 2"]] <- tryCatch(table_of(car::Anova(plain, type = 2)), error = function(e) NULL)
  cases[[name$case]] <<- made
}
for (case in names(formulas)) one(list(case = case, data = "all"), d, formulas[[case]])
one(list(case = "two_way_sum", data = "all"), d, y ~ a * b, contrasts = list(a = "contr.sum", b = "contr.sum"))
one(list(case = "cells_sum", data = "all"), d, y ~ 0 + a + b, contrasts = list(a = "contr.sum", b = "contr.sum"))
one(list(case = "helmert", data = "all"), d, y ~ x * a + b, contrasts = list(a = "contr.helmert", b = "contr.sum"))
one(list(case = "hole", data = "hole"), hole, y ~ a * b)
one(list(case = "hole_sum", data = "hole"), hole, y ~ a * b, contrasts = list(a = "contr.sum", b = "contr.sum"))
one(list(case = "hole_covariate", data = "hole"), hole, y ~ a * b + x)
one(list(case = "weighted", data = "all"), d, y ~ x + a * b, weights = d$w)
# lmerTest takes as the variables of a term those that are 1 in attr(terms, "factors") and not those that are 2
# (coded by indicators, because a margin is not in the model): `a` is then not contained in `a:b` of y ~ a + a:b.
# Below every variable counts, as in the definition.
text <- sub("==[[:space:]]*1\\]", "> 0]", paste(deparse(lmerTest:::term_contain), collapse = "\n"))
stopifnot(grepl("> 0", text))
counted <- eval(parse(text = text), asNamespace("lmerTest"))
assignInNamespace("term_contain", counted, "lmerTest")
for (case in c("square", "nested", "no_margin"))
  one(list(case = paste0(case, "_counted"), data = "all"), d, formulas[[case]])
# linear hypotheses on y ~ x * a + z; columns: (Intercept) x amid ahigh z x:amid x:ahigh
m <- lmerTest::lmer(y ~ x * a + z + (1 | g), d, control = control)
L <- rbind("x = z" = c(0, 1, 0, 0, -1, 0, 0), "a[mid] = 2" = c(0, 0, 1, 0, 0, 0, 0),
           "(Intercept) + 3*x = 14" = c(1, 3, 0, 0, 0, 0, 0))
rhs <- c(0, 2, 14)
joint <- function(rows, ddf) as.list(lmerTest::contestMD(m, L[rows, , drop = FALSE], rhs = rhs[rows], ddf = ddf))
single <- lapply(1:3, function(i) as.list(lmerTest::contest1D(m, L[i, ], rhs = rhs[i], confint = TRUE)))
hypotheses <- list(texts = rownames(L), single = single, joint = joint(1:3, "Satterthwaite"),
                   two_kenward_roger = joint(2:3, "Kenward-Roger"), three_kenward_roger = joint(1:3, "Kenward-Roger"))
versions <- lapply(setNames(nm = c("lme4", "lmerTest", "pbkrtest", "car")), function(p) as.character(packageVersion(p)))
write_json(list(versions = c(list(R = as.character(getRversion())), versions), cases = cases, hypotheses = hypotheses), "tables.json",
           auto_unbox = TRUE, digits = I(15), na = "null", null = "null", pretty = 1)
