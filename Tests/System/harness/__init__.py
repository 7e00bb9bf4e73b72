"""What the system tests are made of: processes, clients, models and checkers."""
