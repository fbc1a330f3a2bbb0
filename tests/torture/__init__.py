"""The torture run: every fault at every step of an apply, on every platform; none may lose a case.

    python -m tests.torture            (make torture)

See docs/reliability.md. `cases` says what is tried, `bench` has the router and the workspace,
`trial` runs one case, `witness` judges it by what the router itself wrote down, `irr_trial` is the
side of the registries, `matrix` prints.
"""
