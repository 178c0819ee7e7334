"""Writers of pictures as other tools write them: containers, and the tools' metadata."""
