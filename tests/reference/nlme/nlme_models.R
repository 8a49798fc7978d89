# Golden references of models with unequal residual variances and correlated residuals: what nlme's
# lme() gives, polished. Reads ../data, writes models/<id>.json here and the two tables that are made for
# these models into ../data. Nothing of Echelon is used.  Run in this folder: Rscript nlme_models.R [ids]
#
# 1. lme() with tight control.
# 2. nlme's own profiled log-likelihood, caught where lme() hands it to nlminb, is driven on from lme()'s
#    optimum by Newton steps on numerical derivatives (numDeriv); it must not rise by more than 1e-9.
# 3. The log-likelihood is written anew, dense, group by group, with exact first derivatives, and Newton
#    steps are made until they are below 1e-10 standard errors. Its optimum is what is stored. At nlme's
#    optimum it must be nlme's value to 1e-9 relative.
suppressMessages({library(nlme); library(jsonlite); library(numDeriv)})
options(contrasts = c("contr.treatment", "contr.poly"), digits = 15)

# --- tables ---------------------------------------------------------------------------------------

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
shortest <- function(x) {
  short <- sprintf("%.15g", x)
  ifelse(as.numeric(short) == x, short, sprintf("%.17g", x))
}
write_house <- function(d, name, about) {
  types <- sapply(d, function(x) if (is.ordered(x)) "ordered" else if (is.factor(x)) "factor" else
    if (all(x == round(x))) "int" else "float")
  text <- as.data.frame(lapply(d, function(x) if (is.factor(x)) as.character(x) else shortest(x)),
                        check.names = FALSE)
  plain <- path(name, ".csv")
  write.csv(text, plain, row.names = FALSE, quote = FALSE)
  sha <- digest::digest(file = plain, algo = "sha256")
  columns <- lapply(names(d), function(n) {
    col <- list(name = n, type = types[[n]])
    if (is.factor(d[[n]])) col <- c(col, list(nlevels = nlevels(d[[n]]), levels = I(levels(d[[n]]))))
    c(col, list(n_missing = 0))
  })
  side <- c(list(name = name, file = basename(plain), nrow = nrow(d), ncol = ncol(d),
                 missing_marker = "empty field"), about, list(columns = columns, sha256_csv = sha))
  write(toJSON(side, auto_unbox = TRUE, digits = NA), path(name, ".json"))
  if (file.size(plain) > 20000) {
    system2("gzip", c("-9", "-n", "-f", plain))
  }
}
make_tables <- function() {
  o <- as.data.frame(Ovary)
  write_house(data.frame(Mare = o$Mare, Time = o$Time, sin1 = sin(2 * pi * o$Time),
    cos1 = cos(2 * pi * o$Time), follicles = o$follicles), "Ovary_x", list(
    derived_from = "Ovary", source_package = "nlme", source_object = "Ovary",
    package_version = as.character(packageVersion("nlme")), package_license = "GPL (>= 2)",
    title = "Ovarian Follicles of mares, numbers larger than 10 mm",
    source = paste("Pinheiro, J. C. and Bates, D. M. (2000), Mixed-Effects Models in S and S-PLUS,",
      "Springer, New York. (Appendix A.18) Pierson, R. A. and Ginther, O. J. (1987), Follicular",
      "population dynamics during the estrus cycle of the mare, Animal Reproduction Science, 14, 219-231."),
    note = "sin1 = sin(2 pi Time), cos1 = cos(2 pi Time); rows of a mare are in order of time"))
  e <- house("egsingle")
  kept <- levels(e$childid)[seq(1, nlevels(e$childid), by = 7)]
  e <- droplevels(e[e$childid %in% kept, ])
  write_house(data.frame(schoolid = e$schoolid, childid = e$childid, occasion = e$year + 3.5,
    year = e$year, math = e$math, female = e$female, size = e$size), "egsingle_sub", list(
    derived_from = "egsingle", source_package = "mlmRev", source_object = "egsingle",
    package_version = "1.0.8", package_license = "GPL (>= 2)", title = "US Sustaining Effects study",
    note = paste("every seventh child (levels 1, 8, 15, ... of childid); occasion = year + 3.5;",
                 "children miss occasions")))
}

# --- models ---------------------------------------------------------------------------------------

# random: list(group = formula), outermost first; diagonal: groups whose covariance is diagonal
spec <- function(id, about, data, fixed, random, by = NULL, cor = NULL, time = NULL, method = "REML",
                 diagonal = character(), formula)
  list(id = id, about = about, data = data, fixed = fixed, random = random, by = by, cor = cor,
       time = time, method = method, diagonal = diagonal, formula = formula)
models <- list(
  spec("orthodont_varsex", "growth, residual variance by sex", "Orthodont", distance ~ age * Sex,
       list(Subject = ~age), by = "Sex", formula = "distance ~ age * Sex + (age | Subject)"),
  spec("orthodont_varsex_ml", "the same by ML", "Orthodont", distance ~ age * Sex,
       list(Subject = ~age), by = "Sex", method = "ML", formula = "distance ~ age * Sex + (age | Subject)"),
  spec("orthodont_varage", "residual variance by age, 4 strata, within groups", "Orthodont",
       distance ~ age, list(Subject = ~1), by = "age", formula = "distance ~ age + (1 | Subject)"),
  spec("ovary_ar1", "AR(1) by order of the rows", "Ovary_x", follicles ~ sin1 + cos1, list(Mare = ~1),
       cor = "ar1", formula = "follicles ~ sin1 + cos1 + (1 | Mare)"),
  spec("ovary_ar1_ml", "the same by ML", "Ovary_x", follicles ~ sin1 + cos1, list(Mare = ~1),
       cor = "ar1", method = "ML", formula = "follicles ~ sin1 + cos1 + (1 | Mare)"),
  spec("ovary_ar1_diag", "AR(1) beside a diagonal covariance of intercept and sine", "Ovary_x",
       follicles ~ sin1 + cos1, list(Mare = ~sin1), cor = "ar1", diagonal = "Mare",
       formula = "follicles ~ sin1 + cos1 + (sin1 || Mare)"),
  spec("bodyweight_car1", "continuous-time AR(1), unequally spaced", "BodyWeight", weight ~ Time * Diet,
       list(Rat = ~Time), cor = "car1", time = "Time", formula = "weight ~ Time * Diet + (Time | Rat)"),
  spec("bodyweight_vardiet", "residual variance by diet, 3 strata", "BodyWeight", weight ~ Time * Diet,
       list(Rat = ~Time), by = "Diet", formula = "weight ~ Time * Diet + (Time | Rat)"),
  spec("bodyweight_car1_vardiet", "both", "BodyWeight", weight ~ Time * Diet, list(Rat = ~Time),
       by = "Diet", cor = "car1", time = "Time", formula = "weight ~ Time * Diet + (Time | Rat)"),
  spec("egsingle_varfemale", "growth over grades, residual variance by sex", "egsingle_sub", math ~ year,
       list(childid = ~1), by = "female", formula = "math ~ year + (1 | childid)"),
  spec("egsingle_ar1", "AR(1) over integer occasions with gaps", "egsingle_sub", math ~ year,
       list(childid = ~1), cor = "ar1", time = "occasion", formula = "math ~ year + (1 | childid)"),
  spec("egsingle_ar1_varoccasion", "AR(1) and residual variance by occasion, 6 strata", "egsingle_sub",
       math ~ year, list(childid = ~1), by = "occasion", cor = "ar1", time = "occasion",
       formula = "math ~ year + (1 | childid)"),
  spec("egsingle_full_varfemale", "all 1721 children, random slope, residual variance by sex", "egsingle",
       math ~ year, list(childid = ~year), by = "female", formula = "math ~ year + (year | childid)"),
  spec("hsb_varsector", "students in schools, residual variance by sector", "Hsb82", mAch ~ ses + sector,
       list(school = ~1), by = "sector", formula = "mAch ~ ses + sector + (1 | school)"),
  spec("hsb_varsector_rs", "the same with a random slope", "Hsb82", mAch ~ ses + sector,
       list(school = ~ses), by = "sector", formula = "mAch ~ ses + sector + (ses | school)"),
  spec("hsb_varsex", "residual variance by sex, within schools, ML", "Hsb82", mAch ~ ses + sx,
       list(school = ~1), by = "sx", method = "ML", formula = "mAch ~ ses + sx + (1 | school)"),
  spec("oats_varvariety", "two nested factors, residual variance by variety", "Oats", yield ~ nitro,
       list(Block = ~1, Variety = ~1), by = "Variety", formula = "yield ~ nitro + (1 | Block/Variety)"),
  spec("orthodont_cs", "compound symmetry beside a random slope alone", "Orthodont", distance ~ age,
       list(Subject = ~0 + age), cor = "cs", formula = "distance ~ age + (0 + age | Subject)"),
  spec("orthodont_ar1_varsex", "AR(1) by order of the rows and residual variance by sex", "Orthodont",
       distance ~ age * Sex, list(Subject = ~1), by = "Sex", cor = "ar1",
       formula = "distance ~ age * Sex + (1 | Subject)")
)

# --- nlme -----------------------------------------------------------------------------------------

terms_of <- function(m) { # what lme() is called with, as formulas
  innermost <- names(m$random)[length(m$random)]
  group <- paste(names(m$random), collapse = "/")
  blocks <- lapply(names(m$random), function(g)
    if (g %in% m$diagonal) pdDiag(m$random[[g]]) else pdLogChol(m$random[[g]]))
  names(blocks) <- names(m$random)
  form <- as.formula(paste("~", if (is.null(m$time)) "1" else m$time, "|", group))
  list(random = blocks, group = group,
       weights = if (is.null(m$by)) NULL else varIdent(form = as.formula(paste("~ 1 |", m$by))),
       correlation = if (is.null(m$cor)) NULL else switch(m$cor, ar1 = corAR1(form = form),
         car1 = corCAR1(form = form), cs = corCompSymm(form = form)))
}
call_text <- function(m) {
  group <- paste(names(m$random), collapse = "/")
  pd <- function(g) {
    f <- paste(deparse(m$random[[g]]), collapse = "")
    paste0(g, " = ", if (g %in% m$diagonal) sprintf("pdDiag(%s)", f) else f)
  }
  form <- sprintf("form = ~%s | %s", if (is.null(m$time)) "1" else m$time, group)
  list(fixed = paste(deparse(m$fixed), collapse = ""),
       random = sprintf("list(%s)", paste(sapply(names(m$random), pd), collapse = ", ")),
       weights = if (is.null(m$by)) NULL else sprintf("varIdent(form = ~1 | %s)", m$by),
       correlation = if (is.null(m$cor)) NULL else
         sprintf("%s(%s)", c(ar1 = "corAR1", car1 = "corCAR1", cs = "corCompSymm")[[m$cor]], form),
       method = m$method)
}
caught <- new.env()
suppressMessages(trace("nlminb", quote(assign("struct",
  get("lmeSt", envir = environment(objective)), envir = caught)), where = nlme::lme, print = FALSE))
fit_nlme <- function(m, d) {
  t <- terms_of(m)
  args <- list(fixed = m$fixed, data = d, random = t$random, method = m$method,
    control = lmeControl(tolerance = 1e-10, msTol = 1e-12, msMaxIter = 200, maxIter = 200,
                         niterEM = 100, opt = "nlminb", msMaxEval = 2000))
  if (!is.null(t$weights)) args$weights <- t$weights
  if (!is.null(t$correlation)) args$correlation <- t$correlation
  do.call(lme, args)
}
natural <- function(struct, outermost, solve_first) { # (blocks, ratios, phi), relative
  re <- if (solve_first) solve(struct$reStruct) else struct$reStruct
  blocks <- lapply(pdMatrix(re), function(b) matrix(as.numeric(b), nrow(b)))[outermost]
  list(D = blocks,
       ratio = if (is.null(struct$varStruct)) NULL else
         coef(struct$varStruct, unconstrained = FALSE, allCoef = TRUE),
       phi = if (is.null(struct$corStruct)) NULL else
         as.numeric(coef(struct$corStruct, unconstrained = FALSE)))
}
polish_nlme <- function(struct, fit) { # nlme's own objective, Newton on numerical derivatives
  objective <- function(par) -as.numeric(logLik(struct, par))
  ended <- fit$modelStruct
  ended$reStruct <- solve(ended$reStruct) # lme() works with precisions and returns covariances
  par <- as.numeric(coef(ended))
  value <- first <- objective(par)
  for (step in 1:6) {
    g <- grad(objective, par, method.args = list(eps = 1e-3, r = 6))
    H <- hessian(objective, par, method.args = list(eps = 1e-2, r = 6))
    new <- par - solve(H, g)
    there <- objective(new)
    if (there > value + 1e-10) break
    moved <- max(abs(new - par) * sqrt(abs(diag(H))))
    par <- new; value <- there
    if (moved < 1e-8) break
  }
  list(par = par, rise = first - value, # the objective is the log-likelihood but for a constant
       gradient = max(abs(grad(objective, par, method.args = list(eps = 1e-3, r = 6))) / sqrt(diag(H))))
}

# --- the same log-likelihood, dense ---------------------------------------------------------------

layout <- function(m, d, strata) {
  X <- model.matrix(m$fixed, d); y <- d[[all.vars(m$fixed)[1]]]
  label <- NULL; levels <- list()
  for (g in names(m$random)) {
    label <- if (is.null(label)) as.character(d[[g]]) else paste(label, d[[g]], sep = "/")
    levels[[g]] <- list(label = label, Z = model.matrix(m$random[[g]], d), diagonal = g %in% m$diagonal)
  }
  rows <- split(seq_along(y), factor(levels[[1]]$label, unique(levels[[1]]$label)))
  stratum <- if (is.null(m$by)) rep(1L, length(y)) else match(as.character(d[[m$by]]), strata)
  groups <- lapply(rows, function(r) {
    when <- if (is.null(m$time)) seq_along(r) else d[[m$time]][r]
    list(rows = r, X = X[r, , drop = FALSE], y = y[r], stratum = stratum[r],
         Z = lapply(levels, function(l) l$Z[r, , drop = FALSE]),
         mask = lapply(levels, function(l) outer(l$label[r], l$label[r], "==") + 0),
         lag = abs(outer(when, when, "-")))
  })
  K <- if (is.null(m$by)) 1L else length(strata)
  entries <- lapply(levels, function(l) {
    q <- ncol(l$Z)
    if (l$diagonal) cbind(seq_len(q), seq_len(q)) else which(lower.tri(diag(q), diag = TRUE), arr.ind = TRUE)
  })
  list(X = X, y = y, levels = levels, groups = groups, K = K, entries = entries, cor = m$cor,
       reml = m$method == "REML", n = length(y), p = ncol(X))
}
# x: free entries of each block of D (absolute), log ratios of strata 2..K, phi, sigma^2
unpack <- function(x, l) {
  D <- list(); at <- 0
  for (g in names(l$entries)) {
    e <- l$entries[[g]]; q <- ncol(l$levels[[g]]$Z)
    B <- matrix(0, q, q); v <- x[at + seq_len(nrow(e))]
    B[e] <- v; B[e[, 2:1, drop = FALSE]] <- v
    D[[g]] <- B; at <- at + nrow(e)
  }
  ratio <- c(1, exp(x[at + seq_len(l$K - 1)])); at <- at + l$K - 1
  phi <- if (is.null(l$cor)) NULL else x[at + 1]
  list(D = D, ratio = ratio, phi = phi, sigma2 = x[length(x)])
}
pack <- function(v, l) {
  unname(c(unlist(lapply(names(l$entries), function(g) v$D[[g]][l$entries[[g]]])), log(v$ratio[-1]), v$phi, v$sigma2))
}
correlation <- function(g, v, l) {
  n <- length(g$y)
  if (is.null(l$cor)) return(list(R = diag(n)))
  if (l$cor == "cs") return(list(R = diag(n) * (1 - v$phi) + v$phi, dR = 1 - diag(n)))
  R <- ifelse(g$lag == 0, 1, sign(v$phi)^g$lag * abs(v$phi)^g$lag)
  list(R = R, dR = ifelse(g$lag == 0, 0, g$lag * sign(v$phi)^(g$lag - 1) * abs(v$phi)^(g$lag - 1)))
}
variance <- function(g, v, l, slopes = FALSE) {
  s <- v$ratio[g$stratum]; C <- correlation(g, v, l); S <- outer(s, s)
  E <- v$sigma2 * S * C$R; V <- E
  for (k in names(l$entries)) V <- V + (g$Z[[k]] %*% v$D[[k]] %*% t(g$Z[[k]])) * g$mask[[k]]
  if (!slopes) return(list(V = V))
  d <- list()
  for (k in names(l$entries)) for (i in seq_len(nrow(l$entries[[k]]))) {
    a <- l$entries[[k]][i, 1]; b <- l$entries[[k]][i, 2]; Z <- g$Z[[k]]
    one <- outer(Z[, a], Z[, b]); if (a != b) one <- one + t(one)
    d[[length(d) + 1]] <- one * g$mask[[k]]
  }
  if (l$K > 1) for (j in 2:l$K) {
    here <- (g$stratum == j) + 0
    d[[length(d) + 1]] <- E * (outer(here, here, "+"))
  }
  if (!is.null(l$cor)) d[[length(d) + 1]] <- v$sigma2 * S * C$dR
  d[[length(d) + 1]] <- S * C$R
  list(V = V, d = d)
}
solved <- function(v, l) { # beta and what belongs to it
  A <- matrix(0, l$p, l$p); b <- numeric(l$p); logdet <- 0
  inv <- lapply(l$groups, function(g) {
    U <- chol(variance(g, v, l)$V)
    logdet <<- logdet + 2 * sum(log(diag(U)))
    W <- chol2inv(U); A <<- A + crossprod(g$X, W %*% g$X); b <<- b + crossprod(g$X, W %*% g$y)
    W
  })
  beta <- solve(A, b)
  rss <- sum(mapply(function(g, W) { r <- g$y - g$X %*% beta; sum(r * (W %*% r)) }, l$groups, inv))
  list(beta = drop(beta), A = A, inv = inv, logdet = logdet, rss = rss)
}
loglik <- function(x, l) {
  v <- unpack(x, l); s <- solved(v, l)
  -0.5 * (if (l$reml) (l$n - l$p) * log(2 * pi) + s$logdet + determinant(s$A)$modulus[1] + s$rss else
    l$n * log(2 * pi) + s$logdet + s$rss)
}
profiled_deviance <- function(D, ratio, phi, l) { # relative parameters; lme4's convention
  s <- solved(list(D = D, ratio = ratio, phi = phi, sigma2 = 1), l)
  df <- if (l$reml) l$n - l$p else l$n
  df * (1 + log(2 * pi * s$rss / df)) + s$logdet + if (l$reml) determinant(s$A)$modulus[1] else 0
}
gradient <- function(x, l, of_vcov = FALSE) {
  v <- unpack(x, l); s <- solved(v, l); C <- solve(s$A)
  g <- numeric(length(x)); dA <- rep(list(matrix(0, l$p, l$p)), length(x))
  for (i in seq_along(l$groups)) {
    grp <- l$groups[[i]]; W <- s$inv[[i]]; d <- variance(grp, v, l, slopes = TRUE)$d
    e <- drop(W %*% (grp$y - grp$X %*% s$beta)); WX <- W %*% grp$X
    for (k in seq_along(d)) {
      M <- crossprod(WX, d[[k]] %*% WX)
      dA[[k]] <- dA[[k]] + M
      g[k] <- g[k] - 0.5 * sum(W * d[[k]]) + 0.5 * sum(e * (d[[k]] %*% e)) + if (l$reml) 0.5 * sum(C * M) else 0
    }
  }
  if (of_vcov) lapply(dA, function(M) C %*% M %*% C) else g
}
hessian_of <- function(x, l, step) { # fourth-order differences of exact gradients
  H <- sapply(seq_along(x), function(k) {
    e <- replace(numeric(length(x)), k, step[k])
    (8 * (gradient(x + e, l) - gradient(x - e, l)) - gradient(x + 2 * e, l) + gradient(x - 2 * e, l)) / (12 * step[k])
  })
  (H + t(H)) / 2
}
polish_dense <- function(x, l) {
  rough <- hessian_of(x, l, pmax(abs(x), 1e-3) * 1e-4)
  se <- sqrt(abs(diag(solve(-rough))))
  small <- function(x) pmin(0.01 * se, 0.02 / sqrt(abs(diag(rough))), pmax(abs(x), 1e-3) * 0.01)
  for (round in 1:30) {
    H <- hessian_of(x, l, small(x)); g <- gradient(x, l)
    move <- -solve(H, g); x <- x + move
    if (max(abs(move) / se) < 1e-10) break
  }
  H <- hessian_of(x, l, small(x))
  stopifnot(all(eigen(-H / outer(sqrt(-diag(H)), sqrt(-diag(H))))$values > 0))
  list(x = x, H = H, step = max(abs(move) / se), rounds = round, gradient = max(abs(gradient(x, l)) * se))
}

# --- what is written ------------------------------------------------------------------------------

short_name <- function(m, g) paste(rev(names(m$random)[seq_len(match(g, names(m$random)))]), collapse = ":")
effects_of <- function(m, l, v, s) {
  out <- list()
  for (g in names(m$random)) {
    lev <- l$levels[[g]]; D <- v$D[[g]]; found <- list()
    for (i in seq_along(l$groups)) {
      grp <- l$groups[[i]]; W <- s$inv[[i]]; e <- W %*% (grp$y - grp$X %*% s$beta)
      for (one in unique(lev$label[grp$rows])) {
        Z <- grp$Z[[g]] * (lev$label[grp$rows] == one)
        found[[one]] <- list(u = drop(D %*% crossprod(Z, e)), var = D - D %*% crossprod(Z, W %*% Z) %*% D)
      }
    }
    names_ours <- sapply(strsplit(names(found), "/"), function(x) paste(rev(x), collapse = ":"))
    out[[short_name(m, g)]] <- list(levels = I(names_ours), terms = I(colnames(lev$Z)),
      values = unname(t(sapply(found, function(f) f$u, simplify = TRUE))), cond_var = lapply(unname(found), function(f) unname(f$var)))
    if (ncol(lev$Z) == 1) out[[short_name(m, g)]]$values <- matrix(sapply(found, function(f) f$u), ncol = 1)
  }
  out
}
some <- function(x) list(n = length(x), first = I(unname(x[seq_len(min(20, length(x)))])), sum = sum(x), sumsq = sum(x^2))
cut_ranef <- function(r, most = 60) lapply(r, function(part) {
  k <- seq_len(min(most, length(part$levels)))
  total <- list(n_levels = length(part$levels), truncated = length(part$levels) > most)
  sums <- list(sum = I(colSums(part$values)), sumsq = I(colSums(part$values^2)))
  part$levels <- I(part$levels[k]); part$values <- part$values[k, , drop = FALSE]; part$cond_var <- part$cond_var[k]
  c(total, part, sums)
})
limits <- function(fit) {
  found <- tryCatch(intervals(fit, which = "var-cov"), error = function(e) conditionMessage(e))
  if (is.character(found)) return(list(error = found))
  rows <- function(part) if (is.null(part)) NULL else
    lapply(setNames(seq_len(nrow(part)), rownames(part)), function(i) unname(unlist(part[i, 1:3])))
  list(order = I(c("lower", "est.", "upper")), level = 0.95, random = lapply(found$reStruct, rows),
       correlation = rows(found$corStruct), ratio = rows(found$varStruct), sigma = I(as.numeric(found$sigma)))
}
one <- function(m) {
  d <- house(m$data); fit <- fit_nlme(m, d); struct <- caught$struct
  # nlme, polished by itself
  own <- polish_nlme(struct, fit)
  at_nlme <- natural(fit$modelStruct, names(m$random), FALSE)
  coef(struct) <- own$par
  at_own <- natural(struct, names(m$random), TRUE)
  strata <- if (is.null(m$by)) "all" else names(at_nlme$ratio)
  stopifnot(is.null(m$by) || at_nlme$ratio[[1]] == 1)
  # dense
  l <- layout(m, d, strata)
  absolute <- function(at, sigma2) list(D = setNames(lapply(at$D, function(b) b * sigma2), names(m$random)),
    ratio = if (is.null(at$ratio)) 1 else unname(at$ratio), phi = at$phi, sigma2 = sigma2)
  x0 <- pack(absolute(at_nlme, fit$sigma^2), l)
  same <- loglik(x0, l)
  best <- polish_dense(x0, l)
  v <- unpack(best$x, l); s <- solved(v, l); C <- solve(s$A); top <- loglik(best$x, l)
  relative <- lapply(v$D, function(b) b / v$sigma2)
  names_x <- c(unlist(lapply(names(l$entries), function(g) { e <- l$entries[[g]]; t <- colnames(l$levels[[g]]$Z)
    paste0(short_name(m, g), ".", t[e[, 1]], ifelse(e[, 1] == e[, 2], "", paste0(".", t[e[, 2]]))) })),
    if (l$K > 1) paste0("log_ratio.", strata[-1]), if (!is.null(m$cor)) "phi", "sigma2")
  varpar <- solve(-best$H); slopes <- gradient(best$x, l, of_vcov = TRUE)
  df <- sapply(seq_len(l$p), function(j) { g <- sapply(slopes, function(M) M[j, j]); 2 * C[j, j]^2 / drop(g %*% varpar %*% g) })
  close <- function(a, b) max(abs(unlist(a) - unlist(b)) / pmax(abs(unlist(b)), 1e-8))
  polish <- list(nlme_loglik = as.numeric(fit$logLik), nlme_rise = own$rise,
    nlme_gradient_per_se = own$gradient,
    dense_minus_nlme_at_nlme = same - as.numeric(fit$logLik), dense_loglik = top, dense_rise = top - same,
    dense_last_step_per_se = best$step, dense_gradient_times_se = best$gradient, dense_rounds = best$rounds,
    nlme_off_relative = close(at_nlme, list(relative, if (is.null(m$by)) NULL else v$ratio, v$phi)),
    nlme_polished_off_relative = close(at_own, list(relative, if (is.null(m$by)) NULL else v$ratio, v$phi)),
    dense_minus_nlme_polished = top - as.numeric(fit$logLik) - own$rise,
    nlme_fixef_off_per_se = max(abs(fixef(fit) - s$beta) / sqrt(diag(C))))
  points <- list(optimum = list(relative, v$ratio, v$phi),
    homogeneous = list(relative, v$ratio^0, if (is.null(m$cor)) NULL else 0),
    start = list(lapply(relative, function(b) diag(nrow(b))), v$ratio^0, switch(if (is.null(m$cor)) "" else m$cor, ar1 = 0.3, car1 = 0.3, cs = 0.1)),
    shifted = list(lapply(relative, function(b) 1.5 * b), v$ratio * c(1, rep(1.2, length(v$ratio) - 1)), if (is.null(m$cor)) NULL else 0.8 * v$phi))
  if (!is.null(m$cor) && m$cor == "car1") points$homogeneous[[3]] <- 1e-3  # 0 is not in its range
  deviance <- lapply(points, function(p) list(relative_covariance = setNames(lapply(p[[1]], unname), sapply(names(p[[1]]), function(g) short_name(m, g))),
    ratio = I(p[[2]]), phi = p[[3]], value = profiled_deviance(p[[1]], p[[2]], p[[3]], l)))
  effects <- effects_of(m, l, v, s)
  u_fit <- drop(l$X %*% s$beta)  # conditional on every level
  for (i in seq_along(l$groups)) { g <- l$groups[[i]]; W <- s$inv[[i]]; e <- W %*% (g$y - g$X %*% s$beta)
    for (k in names(l$entries)) u_fit[g$rows] <- u_fit[g$rows] + drop(((g$Z[[k]] %*% v$D[[k]] %*% t(g$Z[[k]])) * g$mask[[k]]) %*% e) }
  resid <- l$y - u_fit
  scale <- sqrt(v$sigma2) * v$ratio[if (is.null(m$by)) rep(1, l$n) else match(as.character(d[[m$by]]), strata)]
  se <- sqrt(diag(C)); npar <- l$p + length(best$x); N_bic <- if (l$reml) l$n - l$p else l$n
  # what nlme prints is the same to the precision of its optimum
  polish$nlme_fitted_off_per_sigma <- max(abs(fitted(fit) - u_fit)) / sqrt(v$sigma2)
  shown <- summary(fit)$tTable[, "Std.Error"]
  polish$nlme_se_off_relative <- close(sqrt(diag(vcov(fit))), se)
  adjusted <- if (l$reml) se else se * sqrt(l$n / (l$n - l$p))
  stopifnot(close(shown, adjusted) < 1e-4, polish$nlme_se_off_relative < 1e-4, polish$nlme_fitted_off_per_sigma < 1e-3,
            abs(AIC(fit) - (-2 * top + 2 * npar)) < 1e-5, abs(BIC(fit) - (-2 * top + npar * log(N_bic))) < 1e-5)
  list(id = m$id, description = m$about, dataset = m$data,
    versions = list(R = as.character(getRversion()), nlme = as.character(packageVersion("nlme"))),
    call = c(call_text(m), list(formula = m$formula, by = m$by, correlation_kind = m$cor, time = m$time)),
    N = l$n, n_groups = lapply(effects, function(e) length(e$levels)),
    fixed_names = I(colnames(l$X)), fixef = I(unname(s$beta)), se = I(unname(se)),
    vcov = unname(C), t = I(unname(s$beta / se)), df_inner_outer = I(unname(as.numeric(fit$fixDF$X))),
    se_adjusted_sigma = if (l$reml) NULL else I(unname(adjusted)),
    sigma = sqrt(v$sigma2),
    covariance = setNames(lapply(names(m$random), function(g) list(terms = I(colnames(l$levels[[g]]$Z)), diagonal = g %in% m$diagonal,
      cov = unname(v$D[[g]]), sd = I(sqrt(diag(v$D[[g]]))), corr = unname(cov2cor(v$D[[g]])))), sapply(names(m$random), function(g) short_name(m, g))),
    ratio = if (is.null(m$by)) NULL else list(by = m$by, reference = strata[1], strata = I(strata), sd_ratio = I(v$ratio), sd = I(sqrt(v$sigma2) * v$ratio)),
    correlation = if (is.null(m$cor)) NULL else list(kind = m$cor, time = m$time, phi = v$phi),
    criteria = list(is_REML = l$reml, logLik = top, logLik_lme4_convention = -0.5 * profiled_deviance(relative, v$ratio, v$phi, l),
      minus2logLik = -2 * top, logLik_df = npar, AIC = -2 * top + 2 * npar, BIC_nlme = -2 * top + npar * log(N_bic), BIC_lme4 = -2 * top + npar * log(l$n)),
    devfun = list(objective = "REML criterion or ML deviance, lme4's convention, sigma and beta profiled out", points = deviance),
    variance_parameters = list(names = I(names_x), values = I(best$x), covariance = unname(varpar), note = "dense, twice-differentiated log-likelihood of the absolute parameters; not from nlme"),
    satterthwaite_dense = list(df = I(df), note = "2 v^2 / (g' C g) with C the inverse observed information; not from nlme"),
    ranef = cut_ranef(effects), fitted = some(u_fit), resid_response = some(resid), resid_pearson = some(resid / scale),
    intervals = limits(fit), polish = polish)
}
report <- function(r) {
  p <- r$polish
  cat(sprintf("%-26s ll %.6f  rise %.1e  own-grad %.0e  dense-nlme %.1e  dense rise %.1e  step %.0e (%d)  off %.0e / %.0e  sigma %.6g  phi %s  ratio %s\n", r$id, p$dense_loglik, p$nlme_rise,
    p$nlme_gradient_per_se, p$dense_minus_nlme_at_nlme, p$dense_rise, p$dense_last_step_per_se, p$dense_rounds, p$nlme_off_relative, p$nlme_polished_off_relative, r$sigma, format(r$correlation$phi, digits = 6),
    paste(format(r$ratio$sd_ratio, digits = 6), collapse = " ")))
  stopifnot(p$nlme_rise < 1e-7, abs(p$dense_minus_nlme_polished) < 1e-9, p$dense_last_step_per_se < 1e-9)
}
main <- function(wanted) {
  dir.create("models", showWarnings = FALSE)
  if (!file.exists(path("Ovary_x", ".json")) || !file.exists(path("egsingle_sub", ".json"))) make_tables()
  for (m in models) if (!length(wanted) || m$id %in% wanted) {
    r <- one(m)
    write(toJSON(r, auto_unbox = TRUE, digits = I(15), na = "null", null = "null"), file.path("models", paste0(m$id, ".json")))
    report(r)
  }
}
if (sys.nframe() == 0) main(commandArgs(TRUE))
