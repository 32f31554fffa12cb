"""Exact-set match and hardness as Spider's own evaluation defines them."""
