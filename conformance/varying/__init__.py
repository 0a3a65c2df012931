"""The same case otherwise: cut, merged, slow, faulty; and made as small as possible."""
