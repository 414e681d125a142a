/* SPDX-License-Identifier: BSD-2-Clause */
/* For make lint only, put in front of every file: macros of libraries whose headers cppcheck does not read. */
#define json_array_foreach(array, index, value) \
	for (index = 0; index < json_array_size(array) && (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value) \
	for (void *hf_i = json_object_iter(object); \
	     (key = json_object_iter_key(hf_i)) && (value = json_object_iter_value(hf_i)); \
	     hf_i = json_object_iter_next(object, hf_i))
#define json_object_foreach_safe(object, next, key, value) json_object_foreach(object, key, value)
