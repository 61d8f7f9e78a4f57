"""Typed settings from the environment and `.env`; secrets are masked in every print."""

from src.config.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
