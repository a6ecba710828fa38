strip setup.exe
notice --bnd--
