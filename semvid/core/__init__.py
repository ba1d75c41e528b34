"""What everything else speaks in: values, errors, events, options, and the contract of importance maps."""
