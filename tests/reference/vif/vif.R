# Generalised variance inflation by car::vif of lmer and lm fits; nothing of Echelon is used.
# Reads the bundled hsb.csv.gz, writes vif.json.
# Run: Rscript vif.R PATH/TO/hsb.csv.gz
suppressMessages({library(lme4); library(car); library(jsonlite)})
a <- commandArgs(TRUE)
hsb <- read.csv(a[1], stringsAsFactors = TRUE)
hsb$sector <- relevel(hsb$sector, "Public"); hsb$sex <- relevel(hsb$sex, "Male")
hsb$sizeband <- factor(ifelse(hsb$size < 800, "small", ifelse(hsb$size < 1600, "medium", "large")))
ctl <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE)
one <- function(m) {
  v <- vif(m)
  if (is.matrix(v)) list(term = rownames(v), gvif = unname(v[, 1]), df = unname(v[, 2]), scaled = unname(v[, 3]))
  else list(term = names(v), gvif = unname(v), df = rep(1, length(v)), scaled = unname(sqrt(v)))
}
# condition number of the columns scaled to unit length (Belsley, Kuh and Welsch 1980)
kappa_scaled <- function(X) { X <- sweep(X, 2, sqrt(colSums(X^2)), "/"); d <- svd(X)$d; max(d) / min(d) }
f <- list(
  means = mathach ~ ses + meanses + sector + (1 | school),
  bands = mathach ~ ses + sex + sizeband + pracad + (1 | school),
  product = mathach ~ ses * meanses + (ses | school),
  linear = mathach ~ ses + meanses + sizeband + pracad)
out <- list(versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                            car = as.character(packageVersion("car"))))
for (id in names(f)) {
  m <- if (id == "linear") lm(f[[id]], hsb) else lmer(f[[id]], hsb, control = ctl)
  X <- model.matrix(m)
  out[[id]] <- c(list(formula = paste(deparse(f[[id]]), collapse = "")), one(m),
                 list(condition = kappa_scaled(X), centred = kappa_scaled(scale(X[, -1], scale = FALSE))))
}
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "vif.json")
