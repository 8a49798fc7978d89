# lme4 (and lmerTest for a summary with df and p) on one workload; prints one JSON object.
# Rscript lme4.R formula mode folder seconds most
given <- commandArgs(trailingOnly = TRUE)
formula <- as.formula(given[1]); mode <- given[2]; folder <- given[3]
limit <- as.numeric(given[4]); most <- as.integer(given[5])
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
once <- function() {
  if (mode != "summary") return(lme4::lmer(formula, table))
  fit <- lmerTest::lmer(formula, table)
  list(fit = fit, text = capture.output(print(summary(fit))))
}
invisible(suppressMessages(lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)))
before <- status("VmRSS"); seconds <- numeric(); cpu <- numeric(); began <- Sys.time()
while (length(seconds) < 1 || (length(seconds) < most && Sys.time() - began < limit)) {
  start <- Sys.time(); used <- sum(proc.time()[1:2])
  fit <- suppressMessages(suppressWarnings(once()))
  seconds <- c(seconds, as.numeric(Sys.time() - start, units = "secs"))
  cpu <- c(cpu, sum(proc.time()[1:2]) - used)
  if (length(seconds) == 1) peak <- (status("VmHWM") - before) / 1024
}
text <- ""
if (mode == "summary") { text <- paste(fit$text, collapse = " "); fit <- fit$fit }
list_of <- function(x) paste0("[", paste(format(x, digits = 17), collapse = ","), "]")
cat(sprintf(
  '{"version": "%s", "seconds": %s, "cpu": %s, "peak_mb": %s, "threads": 0, "text": "%s", ',
  packageVersion("lme4"), list_of(seconds), list_of(cpu), if (is.na(peak)) "null" else round(peak, 1),
  gsub('[\\\\"]', "", text)
))
cat(sprintf(
  '"loglik": %.10f, "names": ["%s"], "beta": %s, "se": %s}\n',
  as.numeric(logLik(fit)), paste(names(fixef(fit)), collapse = '", "'), list_of(fixef(fit)), list_of(sqrt(diag(as.matrix(vcov(fit)))))
))
