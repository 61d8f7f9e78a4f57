"""Looking over everything a run needs, without changing or starting anything: what is well, and what to do about the rest."""
