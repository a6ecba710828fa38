disclaimer --bnd
