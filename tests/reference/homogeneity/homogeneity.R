# Raudenbush and Bryk's H from one lm() a school, as MLMusingR::Htest computes it, and Brown and
# Forsythe's test by car::leveneTest; nothing of Echelon is used. Reads the bundled hsb.csv.gz,
# writes homogeneity.json. Run: Rscript homogeneity.R PATH/TO/hsb.csv.gz
suppressMessages({library(car); library(jsonlite)})
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
d$female <- as.numeric(d$sex == "Female"); d$min1 <- as.numeric(d$minority == "Yes")
schools <- split(d, d$school)
# f_j residual df of at least `least`; d_j = (ln S_j^2 - sum f ln S^2 / sum f) / sqrt(2 / f_j)
H <- function(formula, least = 10, data = schools) {
  m <- lapply(data, function(s) lm(formula, s))
  f <- sapply(m, df.residual); s2 <- sapply(m, function(x) sum(resid(x)^2)) / f
  keep <- f >= least; f <- f[keep]; l <- log(s2[keep])
  dj <- (l - sum(f * l) / sum(f)) / sqrt(2 / f)
  list(formula = deparse(formula), least = least, H = sum(dj^2), df = length(dj) - 1,
       p = pchisq(sum(dj^2), length(dj) - 1, lower.tail = FALSE))
}
levene <- function(y, g) {
  t <- leveneTest(y, factor(g), center = median)
  list(F = t[1, 2], df1 = t[1, 1], df2 = t[2, 1], p = t[1, 3])
}
out <- list(versions = list(R = as.character(getRversion()), car = as.character(packageVersion("car"))),
  null = H(mathach ~ 1), ses = H(mathach ~ ses), several = H(mathach ~ ses + female + min1),
  larger = H(mathach ~ ses, least = 40),
  levene_school = levene(d$mathach, d$school), levene_sector = levene(d$mathach, d$sector))
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "homogeneity.json")
