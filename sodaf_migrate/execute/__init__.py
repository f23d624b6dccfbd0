"""The hands: carry out a plan under the write lock, prove the result, commit it or take all of it back."""
