"""Where figures are going: a robust slope, the week's pattern, and how wrong the same method was before."""
