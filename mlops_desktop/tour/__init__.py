"""The guided tour: a year of real flights, two models trained on its winter, and what the seasons do to them."""
