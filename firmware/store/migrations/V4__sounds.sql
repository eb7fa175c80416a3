-- Audio files and classes of music are objects like the others; their names are unique without regard to case.
CREATE UNIQUE INDEX one_audio_file_name ON objects (lower(document ->> '$.name')) WHERE kind = 'audio_file';
CREATE UNIQUE INDEX one_music_class_name ON objects (lower(document ->> '$.name')) WHERE kind = 'music_class';
