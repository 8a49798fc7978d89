# Makes labelled.dta and plain.sas7bdat for tests/data/test_readers.py; run in this folder:
# Rscript make_haven_files.R   (R 4.2.2, haven as in the first line printed; the tests need no R)
library(haven)
print(packageVersion("haven"))
agree <- labelled(
  c(1, 2, tagged_na("a"), NA),
  labels = c(yes = 1, no = 2, refused = tagged_na("a")),
  label = "Agreement"
)
write_dta(data.frame(agree = agree, x = c(1.5, tagged_na("z"), 2, 3)), "labelled.dta")
plain <- data.frame(x = c(1.5, NA, 3), s = c("a", "", "c"), stringsAsFactors = FALSE)
attr(plain$x, "label") <- "Score"
suppressWarnings(write_sas(plain, "plain.sas7bdat"))
