"""Training methods: one file each, and the rewards that GRPO and DPO share."""
