println(ARGS)
