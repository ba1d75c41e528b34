"""Read still pictures, and what lies beside their pixels."""
