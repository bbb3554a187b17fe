"""What the hidden commands of `aws-run github` do. The action's shim and our workflows call them; nobody types them."""
