"""The earlier report's ten claims, judged by stated rules from result files.

Its numbers stand here once, as data (`ten_claims`). The verdicts:
  confirmed          this run measured it and found what was claimed
  refuted            this run measured it and found otherwise
  artefact           the claimed figure appears only with the earlier report's way of measuring
  unsupported        the earlier report shows no measurement behind it, and this run holds none for it or against it
  not testable here  this run lacks what a test needs; the reason says what
"""
