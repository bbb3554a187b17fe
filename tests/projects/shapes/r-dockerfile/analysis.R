arguments <- commandArgs(trailingOnly = TRUE)
files <- list.files(arguments[1], recursive = TRUE)
writeLines(as.character(length(files)), file.path(arguments[2], "answer.txt"))
