# Makes the R files of tests/data/test_readers.py; run in this folder: Rscript make_r_files.R
# Written by R 4.2.2; the tests need no R.
pupils <- data.frame(
  id = c(1L, 2L, NA),
  score = c(1.5, NA, 3),
  town = c("a", NA, "c"),
  level = factor(c("low", "high", NA), levels = c("low", "middle", "high")),
  grade = factor(c("B", "A", "A"), levels = c("B", "A"), ordered = TRUE),
  passed = c(TRUE, NA, FALSE),
  born = as.Date(c("2010-01-31", NA, "1969-12-31")),
  stringsAsFactors = FALSE
)
schools <- data.frame(school = 1:2, size = c(10.5, 20))
count <- 3
saveRDS(pupils, "pupils.rds")
save(pupils, file = "one.rda")
save(pupils, schools, count, file = "two.rda")
save(count, file = "none.rda")
tibble <- schools
class(tibble) <- c("tbl_df", "tbl", "data.frame")
saveRDS(tibble, "tibble.rds")
