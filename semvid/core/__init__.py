"""What all other layers build on: values, errors, events, options, and the contract of importance maps."""
