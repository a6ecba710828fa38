strip #99
