DELETE FROM objects WHERE kind IN ('audio_file', 'music_class');
DROP INDEX one_audio_file_name;
DROP INDEX one_music_class_name;
