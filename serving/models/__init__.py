"""Models as the people who answer for them see them: two compared, watched, replayed, retrained.

`training` judges; here it is laid beside the lists and decisions that rest on the models.
"""
