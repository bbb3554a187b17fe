import sys

input_dir, output_dir = sys.argv[1:]
print(input_dir, output_dir)
