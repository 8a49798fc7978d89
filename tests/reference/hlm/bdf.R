# The language scores of nlme's bdf (Snijders and Bosker), as test_hlm_robust.py fits them.
# Run: Rscript bdf.R
data(bdf, package = "nlme")
b <- data.frame(school = as.character(bdf$schoolNR), iq = bdf$IQ.verb, language = bdf$langPOST)
out <- gzfile("bdf.csv.gz", "w")
write.csv(b, out, row.names = FALSE, quote = FALSE)
close(out)
