"""Write a file whole or not at all, with everything beside the picture that it can hold."""
