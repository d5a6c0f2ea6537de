import KjAsync.Filesystem.Directory
import KjAsync.Filesystem.File
import KjAsync.Filesystem.Path
import KjAsync.Filesystem.Stat

/-! Paths, directories and files: what a program may reach is below the directories that it was given. -/
