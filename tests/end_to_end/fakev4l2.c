// Emulated V4L2 cameras for tests: loaded with LD_PRELOAD, it answers for /dev/video60 to /dev/video63 of this process.
//
//     gcc -shared -fPIC -O1 -o fakev4l2.so fakev4l2.c -ldl
//
// FAKEV4L2_DIR names a folder. A camera is plugged in while the file "videoN" is there, which may hold a raw YUYV picture
// of the camera's size; otherwise a moving ramp is shown. Beside it may lie
//   videoN.stall    while it is there the camera gives no pictures
//   videoN.how      lines "key number": fps (what it gives, whatever is asked for), mjpg 1 (it has compressed pictures),
//                   large 1 (it has 1280 x 720 besides 640 x 480), frozen 1 (the same picture again and again), zero 1
//   videoN.jpegs    the compressed pictures, shown in turn, each after its length in 4 bytes
//   sys/videoN/     what stands under /sys/class/video4linux: "name", and the link "device" to the port
// As with real ones, a camera can be opened several times and streams for one of those who opened it.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FIRST 60
#define CAMERAS 4
#define LIMIT (1280 * 720 * 2)  // bytes of the largest picture
#define BUFFERS 8
#define HANDLES 64
#define COUNTER 16  // a square in the corner that changes with every picture
#define SYSTEM "/sys/class/video4linux/"

struct camera {
  int owner;  // the descriptor that streams, or 0
  int memory;
  unsigned char *pictures;
  int queue[BUFFERS], queued, streaming;
  unsigned sequence, form, width, height, asked_fps;
};
static struct camera cameras[CAMERAS];
static struct handle { int descriptor, camera; } handles[HANDLES];  // a descriptor is a timer: select() finds it ready in time

static int (*real_open)(const char *, int, ...);
static int (*real_ioctl)(int, unsigned long, ...);
static int (*real_close)(int);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static DIR *(*real_opendir)(const char *);
static int (*real_stat)(const char *, struct stat *);
static int (*real_lstat)(const char *, struct stat *);
static ssize_t (*real_readlink)(const char *, char *, size_t);

__attribute__((constructor)) static void find_the_real_ones(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_ioctl = dlsym(RTLD_NEXT, "ioctl");
  real_close = dlsym(RTLD_NEXT, "close");
  real_mmap = dlsym(RTLD_NEXT, "mmap");
  real_opendir = dlsym(RTLD_NEXT, "opendir");
  real_stat = dlsym(RTLD_NEXT, "stat");
  real_lstat = dlsym(RTLD_NEXT, "lstat");
  real_readlink = dlsym(RTLD_NEXT, "readlink");
}

static const char *folder(void) {
  const char *path = getenv("FAKEV4L2_DIR");
  return path ? path : "";
}

static const char *file_of(int camera, const char *ending) {
  static __thread char path[4096];
  snprintf(path, sizeof path, "%s/video%d%s", folder(), FIRST + camera, ending);
  return path;
}

static int plugged_in(int camera) { return access(file_of(camera, ""), F_OK) == 0; }

static int how(int camera, const char *key, int otherwise) {
  char word[32];
  int number, found = otherwise;
  FILE *file = fopen(file_of(camera, ".how"), "r");
  if (!file) return otherwise;
  while (fscanf(file, "%31s %d", word, &number) == 2)
    if (!strcmp(word, key)) found = number;
  fclose(file);
  return found;
}

static int fail(int number) {
  errno = number;
  return -1;
}

static int camera_of_path(const char *path) {
  int number, length = 0;
  if (!path || !*folder() || sscanf(path, "/dev/video%d%n", &number, &length) != 1 || path[length]) return -1;
  return number >= FIRST && number < FIRST + CAMERAS ? number - FIRST : -1;
}

static struct handle *handle_of(int descriptor) {
  if (descriptor > 0)
    for (int i = 0; i < HANDLES; i++)
      if (handles[i].descriptor == descriptor) return handles + i;
  return 0;
}

// Where a path of the system's really lies: its folder of cameras, or itself.
static const char *place(const char *path, char *room) {
  if (!path || !*folder() || strncmp(path, SYSTEM, strlen(SYSTEM))) return path;
  snprintf(room, 4096, "%s/sys/%s", folder(), path + strlen(SYSTEM));
  return room;
}

static int open_camera(int camera) {
  if (!plugged_in(camera)) return fail(ENOENT);
  for (int i = 0; i < HANDLES; i++)
    if (!handles[i].descriptor) {
      handles[i].descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
      handles[i].camera = camera;
      return handles[i].descriptor;
    }
  return fail(EMFILE);
}

int open(const char *path, int flags, ...) {
  char room[4096];
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int), camera = camera_of_path(path);
  va_end(rest);
  return camera >= 0 ? open_camera(camera) : real_open(place(path, room), flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return open(path, flags | O_LARGEFILE, mode);
}

// What is in /dev: the cameras alone, and files that are none.
DIR *opendir(const char *path) {
  return real_opendir(path && *folder() && !strcmp(path, "/dev") ? folder() : path);
}

int stat(const char *path, struct stat *found) {
  char room[4096];
  return real_stat(place(path, room), found);
}

int stat64(const char *path, struct stat64 *found) { return stat(path, (struct stat *)found); }

int lstat(const char *path, struct stat *found) {
  char room[4096];
  return real_lstat(place(path, room), found);
}

int lstat64(const char *path, struct stat64 *found) { return lstat(path, (struct stat *)found); }

ssize_t readlink(const char *path, char *target, size_t size) {
  char room[4096];
  return real_readlink(place(path, room), target, size);
}

static void let_go(struct camera *it) {
  if (it->pictures) {
    munmap(it->pictures, (size_t)LIMIT * BUFFERS);
    real_close(it->memory);
  }
  memset(it, 0, sizeof *it);
}

int close(int descriptor) {
  struct handle *handle = handle_of(descriptor);
  if (handle) {
    if (cameras[handle->camera].owner == descriptor) let_go(cameras + handle->camera);
    handle->descriptor = 0;
  }
  return real_close(descriptor);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  struct handle *handle = handle_of(descriptor);
  if (handle) descriptor = cameras[handle->camera].memory;
  return real_mmap(address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  return mmap(address, length, protection, flags, descriptor, offset);
}

static unsigned raw_bytes(struct camera *it) { return it->width * it->height * 2; }

static unsigned draw_raw(int camera, struct camera *it, unsigned char *picture) {
  unsigned wanted = raw_bytes(it), filled = 0, turn = how(camera, "frozen", 0) ? 0 : it->sequence;
  if (how(camera, "zero", 0)) {
    memset(picture, 0, wanted);
    return wanted;
  }
  FILE *file = fopen(file_of(camera, ""), "rb");
  if (file) {
    filled = fread(picture, 1, wanted, file);
    fclose(file);
  }
  if (filled < wanted)
    for (unsigned i = 0; i < wanted; i += 2) {
      picture[i] = (i / 2 % it->width + turn * 4) & 255;
      picture[i + 1] = 128;
    }
  for (unsigned y = 0; y < COUNTER; y++)
    for (unsigned x = 0; x < COUNTER; x++) picture[(y * it->width + x) * 2] = turn * 8;
  return wanted;
}

static unsigned draw_compressed(int camera, struct camera *it, unsigned char *picture) {
  FILE *file = fopen(file_of(camera, ".jpegs"), "rb");
  uint32_t length, count = 0;
  if (!file) return 0;
  while (fread(&length, 4, 1, file) == 1 && !fseek(file, length, SEEK_CUR)) count++;
  unsigned turn = how(camera, "frozen", 0) || !count ? 0 : it->sequence % count;
  rewind(file);
  while (fread(&length, 4, 1, file) == 1 && turn--) fseek(file, length, SEEK_CUR);
  length = length < LIMIT ? (uint32_t)fread(picture, 1, length, file) : 0;
  fclose(file);
  return length;
}

static int set_form(int camera, struct camera *it, struct v4l2_format *form, int keep) {
  struct v4l2_pix_format *pix = &form->fmt.pix;
  if (form->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
  int compressed = pix->pixelformat == V4L2_PIX_FMT_MJPEG && how(camera, "mjpg", 0);
  if (!compressed && pix->pixelformat != V4L2_PIX_FMT_YUYV) return fail(EINVAL);
  int large = how(camera, "large", 0) && pix->width > 640;
  struct camera wanted = *it;
  wanted.form = pix->pixelformat;
  wanted.width = large ? 1280 : 640;
  wanted.height = large ? 720 : 480;
  if (keep) *it = wanted;
  pix->width = wanted.width;
  pix->height = wanted.height;
  pix->field = V4L2_FIELD_NONE;
  pix->bytesperline = compressed ? 0 : wanted.width * 2;
  pix->sizeimage = compressed ? LIMIT : raw_bytes(&wanted);
  pix->colorspace = V4L2_COLORSPACE_SRGB;
  return 0;
}

static int get_form(int camera, struct camera *it, struct v4l2_format *form) {
  form->fmt.pix.pixelformat = it->form ? it->form : V4L2_PIX_FMT_YUYV;
  form->fmt.pix.width = it->width;
  return set_form(camera, it, form, 0);
}

static int describe_device(int camera, struct v4l2_capability *answer) {
  memset(answer, 0, sizeof *answer);
  strcpy((char *)answer->driver, "fakev4l2");
  strcpy((char *)answer->card, "Fake Webcam");
  snprintf((char *)answer->bus_info, sizeof answer->bus_info, "usb-fake-%d", camera);
  answer->version = 0x60000;
  answer->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  answer->capabilities = answer->device_caps | V4L2_CAP_DEVICE_CAPS;
  return 0;
}

static int list_form(int camera, struct v4l2_fmtdesc *answer) {
  static const unsigned forms[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};
  if (answer->index > 1 || (answer->index == 1 && !how(camera, "mjpg", 0))) return fail(EINVAL);
  answer->flags = answer->index ? V4L2_FMT_FLAG_COMPRESSED : 0;
  answer->pixelformat = forms[answer->index];
  return 0;
}

static int rate(int camera, struct camera *it, struct v4l2_streamparm *answer, int keep) {
  struct v4l2_fract *each = &answer->parm.capture.timeperframe;
  if (keep && each->numerator) it->asked_fps = each->denominator / each->numerator;
  answer->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
  each->numerator = 1;
  each->denominator = how(camera, "fps", it->asked_fps && it->asked_fps < 30 ? it->asked_fps : 30);
  return 0;
}

static int list_input(struct v4l2_input *answer) {
  if (answer->index) return fail(EINVAL);
  strcpy((char *)answer->name, "Camera 1");
  answer->type = V4L2_INPUT_TYPE_CAMERA;
  answer->status = 0;
  return 0;
}

static int request_buffers(struct camera *it, int descriptor, struct v4l2_requestbuffers *request) {
  if (request->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
  if (it->owner && it->owner != descriptor) return fail(EBUSY);
  if (request->count > BUFFERS) request->count = BUFFERS;
  it->queued = it->streaming = 0;
  it->owner = descriptor;
  if (request->count && !it->pictures) {
    it->memory = memfd_create("fakev4l2", 0);
    if (ftruncate(it->memory, (off_t)LIMIT * BUFFERS)) return fail(ENOMEM);
    it->pictures = real_mmap(0, (size_t)LIMIT * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, it->memory, 0);
  }
  return 0;
}

static int describe_buffer(struct v4l2_buffer *buffer) {
  if (buffer->index >= BUFFERS) return fail(EINVAL);
  buffer->length = LIMIT;
  buffer->m.offset = buffer->index * LIMIT;
  buffer->flags = 0;
  return 0;
}

static int stream(int camera, struct camera *it, int descriptor, int on) {
  struct v4l2_streamparm now = {0};
  rate(camera, it, &now, 0);
  long period = on ? 1000000000L / now.parm.capture.timeperframe.denominator : 0;
  struct timespec each = {period / 1000000000L, period % 1000000000L};
  struct itimerspec timer = {each, each};
  timerfd_settime(descriptor, 0, &timer, 0);
  it->streaming = on;
  if (!on) it->queued = 0;
  return 0;
}

static int give_picture(int camera, struct camera *it, int descriptor, struct v4l2_buffer *buffer) {
  unsigned long long due;
  // as long as the time is not over, select() waits
  if (read(descriptor, &due, sizeof due) < 0 || access(file_of(camera, ".stall"), F_OK) == 0) return fail(EAGAIN);
  if (!it->streaming || !it->queued) return fail(EAGAIN);
  int index = it->queue[0];
  memmove(it->queue, it->queue + 1, --it->queued * sizeof *it->queue);
  unsigned char *picture = it->pictures + (size_t)index * LIMIT;
  buffer->bytesused =
      it->form == V4L2_PIX_FMT_MJPEG ? draw_compressed(camera, it, picture) : draw_raw(camera, it, picture);
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  buffer->index = index;
  describe_buffer(buffer);
  buffer->sequence = it->sequence++;
  buffer->timestamp.tv_sec = time.tv_sec;
  buffer->timestamp.tv_usec = time.tv_nsec / 1000;
  buffer->field = V4L2_FIELD_NONE;
  return 0;
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *data = va_arg(rest, void *);
  va_end(rest);
  struct handle *handle = handle_of(descriptor);
  if (!handle) return real_ioctl(descriptor, request, data);
  int camera = handle->camera;
  struct camera *it = cameras + camera;
  if (!plugged_in(camera)) return fail(ENODEV);
  switch (request & 0xffffffffUL) {
    case VIDIOC_QUERYCAP: return describe_device(camera, data);
    case VIDIOC_ENUM_FMT: return list_form(camera, data);
    case VIDIOC_G_FMT: return get_form(camera, it, data);
    case VIDIOC_S_FMT:
      if (it->owner && it->owner != descriptor) return fail(EBUSY);
      return set_form(camera, it, data, 1);
    case VIDIOC_TRY_FMT: return set_form(camera, it, data, 0);
    case VIDIOC_G_PARM: return rate(camera, it, data, 0);
    case VIDIOC_S_PARM: return rate(camera, it, data, 1);
    case VIDIOC_ENUMINPUT: return list_input(data);
    case VIDIOC_G_INPUT: *(int *)data = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_REQBUFS: return request_buffers(it, descriptor, data);
    case VIDIOC_QUERYBUF: return describe_buffer(data);
    case VIDIOC_QBUF:
      if (it->queued < BUFFERS) it->queue[it->queued++] = ((struct v4l2_buffer *)data)->index;
      return 0;
    case VIDIOC_DQBUF: return give_picture(camera, it, descriptor, data);
    case VIDIOC_STREAMON: return stream(camera, it, descriptor, 1);
    case VIDIOC_STREAMOFF: return stream(camera, it, descriptor, 0);
    default: return fail(ENOTTY);
  }
}
