# lme4 (and lmerTest for df and p) on one workload; prints one JSON object, and "start" before a fit.
# Rscript lme4.R formula mode folder limit reml seconds most long patience
given <- commandArgs(trailingOnly = TRUE)
formula <- as.formula(given[1]); mode <- given[2]; folder <- given[3]
limit <- as.numeric(given[4]); reml <- given[5] == "REML"
seconds_enough <- as.numeric(given[6]); most <- as.integer(given[7]); long <- as.numeric(given[8])
patience <- as.numeric(given[9])
suppressPackageStartupMessages({ library(lme4); library(lmerTest) })

lines <- strsplit(readLines(file.path(folder, "columns.txt"), encoding = "UTF-8"), "\t")
read <- function(i) {
  line <- lines[[i]]; file <- file.path(folder, paste0(i - 1, ".bin"))
  if (line[2] == "float") return(readBin(file, "double", file.size(file) / 8, endian = "little"))
  values <- readBin(file, "integer", file.size(file) / 4, endian = "little")
  if (line[2] == "factor") factor(line[-(1:2)][values + 1], levels = line[-(1:2)]) else values
}
table <- as.data.frame(setNames(lapply(seq_along(lines), read), vapply(lines, `[`, "", 1)))

status <- function(key) {  # kB of this process, NA where the system does not tell
  text <- tryCatch(readLines("/proc/self/status"), error = function(e) character())
  found <- grep(paste0("^", key), text, value = TRUE)
  if (length(found)) as.numeric(gsub("[^0-9]", "", found)) else NA
}
responses <- grep("^r[0-9]+$", names(table), value = TRUE)
again <- function(name) {  # refit() of lme4 1.1-31 forgets REML: it ends short of lmer()'s optimum
  table[[all.vars(formula)[1]]] <- table[[name]]
  lme4::lmer(formula, table, REML = reml)
}
batch <- function() {  # as many as there is time for
  fits <- list(); until <- Sys.time() + patience * limit
  for (name in responses) {
    fits[[name]] <- again(name)
    if (Sys.time() > until) break
  }
  fits
}
if (mode == "influence") {  # the formula in the call itself: influence() evaluates it elsewhere
  fitted <- do.call(lme4::lmer, list(formula, quote(table), REML = reml))
  group <- trimws(sub("\\).*", "", sub(".*\\|", "", given[1])))
}
once <- function() switch(mode,
  influence = list(fit = fitted, left = influence(fitted, group)),
  summary = {
    fit <- lmerTest::lmer(formula, table, REML = reml)
    list(fit = fit, text = capture.output(print(summary(fit))))
  },
  df = { fit <- lmerTest::lmer(formula, table, REML = reml); list(fit = fit, df = coef(summary(fit))[, "df"]) },
  refit = list(fit = again("r1")),
  batch = list(fits = batch()),
  list(fit = lme4::lmer(formula, table, REML = reml))
)
invisible(suppressMessages(lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)))
invisible(gc())
try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
before <- status("VmRSS"); seconds <- numeric(); cpu <- numeric(); began <- Sys.time()
while (length(seconds) < 1 ||
       (seconds[1] < long && length(seconds) < most && Sys.time() - began < seconds_enough)) {
  cat("start\n"); flush(stdout())
  start <- Sys.time(); used <- sum(proc.time()[1:2])
  result <- suppressMessages(suppressWarnings(once()))
  seconds <- c(seconds, as.numeric(Sys.time() - start, units = "secs"))
  cpu <- c(cpu, sum(proc.time()[1:2]) - used)
  if (length(seconds) == 1) peak <- (status("VmHWM") - before) / 1024
}
list_of <- function(x) paste0("[", paste(format(x, digits = 17), collapse = ","), "]")
logliks <- vapply(result[["fits"]], function(f) as.numeric(logLik(f)), 0)
fit <- if (mode == "batch") result$fits[[1]] else result$fit
components <- as.data.frame(VarCorr(fit))
variances <- components[is.na(components$var2), "vcov"]
if (mode == "influence") variances <- unname(result$left[[sprintf("var.cov.comps[-%s]", group)]][, "sigma^2"])
cat(sprintf(
  '{"version": "%s", "seconds": %s, "cpu": %s, "peak_mb": %s, "threads": 0, "text": "%s", ',
  packageVersion("lme4"), list_of(seconds), list_of(cpu), if (is.na(peak)) "null" else round(peak, 1),
  gsub('[\\\\"]', "", paste(result$text, collapse = " "))
))
cat(sprintf(
  '"loglik": %.10f, "names": ["%s"], "beta": %s, "se": %s, ',
  as.numeric(logLik(fit)), paste(names(fixef(fit)), collapse = '", "'), list_of(fixef(fit)),
  list_of(sqrt(diag(as.matrix(vcov(fit)))))
))
cat(sprintf(
  '"variances": %s, "df": %s, "logliks": %s}\n', list_of(variances),
  if (is.null(result$df)) "[]" else list_of(result$df), if (length(logliks)) list_of(logliks) else "[]"
))
