"""Views: what was computed, drawn for people. Texts and shapes are made here; where they are printed is not."""
