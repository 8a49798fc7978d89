# Slopes and predictions by emmeans: Rscript emtrends.R ../data emtrends.json
# Reads the reference tables, refits the models with a tight optimiser, and writes what emmeans says.
suppressMessages({library(lme4); library(lmerTest); library(emmeans); library(jsonlite)})
args <- commandArgs(trailingOnly = TRUE)
folder <- args[1]

read_table <- function(name) {
  side <- fromJSON(file.path(folder, paste0(name, ".json")), simplifyVector = FALSE)
  path <- file.path(folder, paste0(name, ".csv"))
  if (!file.exists(path)) path <- paste0(path, ".gz")
  d <- read.csv(path, stringsAsFactors = FALSE, na.strings = "", check.names = FALSE)
  for (column in side$columns) {
    if (column$type %in% c("factor", "ordered")) {
      d[[column$name]] <- factor(as.character(d[[column$name]]), levels = unlist(column$levels),
                                 ordered = column$type == "ordered")
    }
  }
  d
}

tight <- lmerControl(optimizer = "nloptwrap",
                     optCtrl = list(xtol_abs = 1e-14, ftol_abs = 1e-14, xtol_rel = 1e-14,
                                    ftol_rel = 1e-14, maxeval = 1e5))
emm_options(pbkrtest.limit = 1000, lmerTest.limit = 1e5)

# data, formula, variable, by (the rows), at
slopes <- list(
  list("hsb_full_sector", "Hsb82", mAch ~ meanses * cses + sector * cses + (cses | school),
       "cses", "sector", list(meanses = 0)),
  list("hsb_full_meanses", "Hsb82", mAch ~ meanses * cses + sector * cses + (cses | school),
       "cses", "meanses", list(meanses = c(-0.5, 0, 0.5))),
  list("hsb_full_both", "Hsb82", mAch ~ meanses * cses + sector * cses + (cses | school),
       "cses", c("sector", "meanses"), list(meanses = c(-0.5, 0.25))),
  list("sleep_crosslevel", "sleepstudy_x", Reaction ~ Days * grp2 + (Days | Subject),
       "Days", "grp2", NULL),
  list("bodyweight", "BodyWeight", weight ~ Time * Diet + (Time | Rat), "Time", "Diet", NULL),
  list("dietox_cu", "dietox", Weight ~ Time * Cu + I(Time^2) + (Time | Pig), "Time", "Cu",
       list(Time = 5)),
  list("dietox_time", "dietox", Weight ~ Time * Cu + I(Time^2) + (Time | Pig), "Time", "Time",
       list(Time = c(2, 6, 11))),
  list("sleep_poly", "sleepstudy", Reaction ~ poly(Days, 2) + (Days | Subject), "Days", "Days",
       list(Days = c(1, 4, 8))),
  list("sleep_log", "sleepstudy", Reaction ~ log(Days + 1) + (1 | Subject), "Days", "Days",
       list(Days = c(1, 4, 8))),
  list("lm_dietox", "dietox", Weight ~ Time * Cu + I(Time^2), "Time", c("Cu", "Time"),
       list(Time = c(2, 6)))
)

fit_of <- function(name, d, formula) {
  if (grepl("^lm_", name)) return(lm(formula, data = d))
  lmerTest::lmer(formula, data = d, control = tight)
}

table_of <- function(found) {
  s <- as.data.frame(summary(found, infer = c(TRUE, TRUE)))
  s[] <- lapply(s, function(x) if (is.factor(x)) as.character(x) else x)
  s
}

result <- list()
for (case in slopes) {
  d <- read_table(case[[2]])
  fit <- fit_of(case[[1]], d, case[[3]])
  made <- list(dataset = case[[2]], formula = paste(deparse(case[[3]], width.cutoff = 300), collapse = ""),
               variable = case[[4]], by = as.list(case[[5]]), at = case[[6]])
  methods <- if (inherits(fit, "lm")) "residual" else c("satterthwaite", "kenward-roger")
  if (nrow(d) > 1000) methods <- setdiff(methods, "kenward-roger")
  for (df in methods) {
    # emtrends takes (f(x + h) - f(x)) / h: half a step back centres it, exact for squares, and wrong
    # by h^2 / 24 of the third derivative elsewhere (2e-8 of the slope of log(Days + 1))
    h <- 1e-3
    at <- case[[6]]
    if (case[[4]] %in% names(at)) at[[case[[4]]]] <- at[[case[[4]]]] - h / 2
    options <- list(fit, specs = case[[5]], var = case[[4]], delta.var = h, data = d)
    if (!is.null(at)) options$at <- at
    if (df != "residual") options$lmer.df <- df
    found <- do.call(emtrends, options)
    made[[df]] <- table_of(found)
    made[[paste0(df, "_pairs")]] <- table_of(pairs(found, adjust = "none"))
  }
  result[[case[[1]]]] <- made
}

# predictions at chosen values
grid <- list(
  list("hsb_full", "Hsb82", mAch ~ meanses * cses + sector * cses + (cses | school),
       list(meanses = c(-0.5, 0.5), cses = c(-1, 0, 1))),
  list("bodyweight", "BodyWeight", weight ~ Time * Diet + (Time | Rat), list(Time = c(1, 29, 64))),
  list("lm_bodyweight", "BodyWeight", weight ~ Time * Diet, list(Time = c(1, 29, 64)))
)
predictions <- list()
for (case in grid) {
  d <- read_table(case[[2]])
  fit <- fit_of(case[[1]], d, case[[3]])
  made <- list(dataset = case[[2]], formula = paste(deparse(case[[3]], width.cutoff = 300), collapse = ""),
               at = case[[4]])
  methods <- if (inherits(fit, "lm")) "residual" else c("satterthwaite", "kenward-roger")
  if (nrow(d) > 1000) methods <- setdiff(methods, "kenward-roger")
  for (df in methods) {
    options <- list(fit, at = case[[4]], data = d)
    if (df != "residual") options$lmer.df <- df
    made[[df]] <- table_of(do.call(ref_grid, options))
  }
  predictions[[case[[1]]]] <- made
}

versions <- c(R = as.character(getRversion()),
              sapply(c("lme4", "lmerTest", "pbkrtest", "emmeans"), function(p) as.character(packageVersion(p))))
write_json(list(versions = as.list(versions), slopes = result, predictions = predictions), args[2],
           digits = 15, auto_unbox = TRUE, na = "null", null = "null", pretty = 1)
