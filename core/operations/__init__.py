"""Operations: the only way by which anything at a managed tenant is changed."""
