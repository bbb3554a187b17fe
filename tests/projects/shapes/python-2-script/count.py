import sys
print "-i", "-o", sys.argv
