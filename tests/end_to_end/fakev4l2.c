// An emulated V4L2 camera for tests: loaded with LD_PRELOAD, it answers for one device file of this process.
//
//     gcc -shared -fPIC -O1 -o fakev4l2.so fakev4l2.c -ldl
//
// FAKEV4L2_DEV  the device file, by default /dev/video0
// FAKEV4L2_CTL  a file: while it exists the camera is plugged in. It may hold a raw 640 x 480 YUYV picture to show;
//               otherwise a moving ramp is shown. While FAKEV4L2_CTL.stall exists the camera gives no pictures.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 640
#define HEIGHT 480
#define PICTURE (WIDTH * HEIGHT * 2)
#define BUFFERS 8
#define PERIOD_NS 33000000
#define COUNTER 16  // a square in the corner that changes with every picture

static int device = -1;  // the descriptor handed out; an eventfd, so that select() finds it ready
static int memory = -1;
static unsigned char *pictures;
static int queue[BUFFERS], queued, streaming;
static unsigned sequence;

static int (*real_open)(const char *, int, ...);
static int (*real_ioctl)(int, unsigned long, ...);
static int (*real_close)(int);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

__attribute__((constructor)) static void find_the_real_ones(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_ioctl = dlsym(RTLD_NEXT, "ioctl");
  real_close = dlsym(RTLD_NEXT, "close");
  real_mmap = dlsym(RTLD_NEXT, "mmap");
}

static const char *control(void) {
  const char *path = getenv("FAKEV4L2_CTL");
  return path ? path : "";
}

static int plugged_in(void) { return access(control(), F_OK) == 0; }

static int stalled(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s.stall", control());
  return access(path, F_OK) == 0;
}

static int is_device(const char *path) {
  const char *name = getenv("FAKEV4L2_DEV");
  return path && strcmp(path, name ? name : "/dev/video0") == 0;
}

static int fail(int number) {
  errno = number;
  return -1;
}

static int open_device(void) {
  if (!plugged_in()) return fail(ENOENT);
  if (device >= 0) return fail(EBUSY);
  device = eventfd(1, EFD_NONBLOCK);
  memory = memfd_create("fakev4l2", 0);
  if (ftruncate(memory, (off_t)PICTURE * BUFFERS)) return fail(ENOMEM);
  pictures = real_mmap(0, (size_t)PICTURE * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  queued = streaming = 0;
  sequence = 0;
  return device;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return is_device(path) ? open_device() : real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return is_device(path) ? open_device() : real_open(path, flags | O_LARGEFILE, mode);
}

int close(int descriptor) {
  if (descriptor >= 0 && descriptor == device) {
    munmap(pictures, (size_t)PICTURE * BUFFERS);
    real_close(memory);
    device = memory = -1;
  }
  return real_close(descriptor);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  if (descriptor >= 0 && descriptor == device) descriptor = memory;
  return real_mmap(address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  return mmap(address, length, protection, flags, descriptor, offset);
}

static void draw(unsigned char *picture) {
  size_t filled = 0;
  FILE *file = fopen(control(), "rb");
  if (file) {
    filled = fread(picture, 1, PICTURE, file);
    fclose(file);
  }
  if (filled < PICTURE)
    for (size_t i = 0; i < PICTURE; i += 2) {
      picture[i] = (i / 2 % WIDTH + sequence * 4) & 255;
      picture[i + 1] = 128;
    }
  for (int y = 0; y < COUNTER; y++)
    for (int x = 0; x < COUNTER; x++) picture[(y * WIDTH + x) * 2] = sequence * 8;
}

static void describe_form(struct v4l2_format *form) {
  form->fmt.pix.width = WIDTH;
  form->fmt.pix.height = HEIGHT;
  form->fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
  form->fmt.pix.field = V4L2_FIELD_NONE;
  form->fmt.pix.bytesperline = WIDTH * 2;
  form->fmt.pix.sizeimage = PICTURE;
  form->fmt.pix.colorspace = V4L2_COLORSPACE_SRGB;
}

static int set_form(struct v4l2_format *form) {
  // like a simple camera: no compressed pictures
  if (form->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || form->fmt.pix.pixelformat != V4L2_PIX_FMT_YUYV) return fail(EINVAL);
  describe_form(form);
  return 0;
}

static int describe_device(struct v4l2_capability *answer) {
  memset(answer, 0, sizeof *answer);
  strcpy((char *)answer->driver, "fakev4l2");
  strcpy((char *)answer->card, "Fake Webcam");
  strcpy((char *)answer->bus_info, "usb-fake-1");
  answer->version = 0x60000;
  answer->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  answer->capabilities = answer->device_caps | V4L2_CAP_DEVICE_CAPS;
  return 0;
}

static int list_form(struct v4l2_fmtdesc *answer) {
  if (answer->index) return fail(EINVAL);
  answer->flags = 0;
  strcpy((char *)answer->description, "YUYV");
  answer->pixelformat = V4L2_PIX_FMT_YUYV;
  return 0;
}

static int list_size(struct v4l2_frmsizeenum *answer) {
  if (answer->index) return fail(EINVAL);
  answer->type = V4L2_FRMSIZE_TYPE_DISCRETE;
  answer->discrete.width = WIDTH;
  answer->discrete.height = HEIGHT;
  return 0;
}

static int list_rate(struct v4l2_frmivalenum *answer) {
  if (answer->index) return fail(EINVAL);
  answer->type = V4L2_FRMIVAL_TYPE_DISCRETE;
  answer->discrete.numerator = 1;
  answer->discrete.denominator = 30;
  return 0;
}

static int describe_rate(struct v4l2_streamparm *answer) {
  answer->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
  answer->parm.capture.timeperframe.numerator = 1;
  answer->parm.capture.timeperframe.denominator = 30;
  return 0;
}

static int list_input(struct v4l2_input *answer) {
  if (answer->index) return fail(EINVAL);
  strcpy((char *)answer->name, "Camera 1");
  answer->type = V4L2_INPUT_TYPE_CAMERA;
  answer->status = 0;
  return 0;
}

static int request_buffers(struct v4l2_requestbuffers *request) {
  if (request->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
  if (request->count > BUFFERS) request->count = BUFFERS;
  if (!request->count) queued = streaming = 0;
  return 0;
}

static int describe_buffer(struct v4l2_buffer *buffer) {
  if (buffer->index >= BUFFERS) return fail(EINVAL);
  buffer->length = PICTURE;
  buffer->m.offset = buffer->index * PICTURE;
  buffer->flags = 0;
  return 0;
}

static int give_picture(struct v4l2_buffer *buffer) {
  if (stalled()) {
    // no longer ready: select() waits until its time is over
    unsigned long long value;
    if (read(device, &value, sizeof value) < 0) return fail(EAGAIN);
    return fail(EAGAIN);
  }
  if (!streaming || !queued) return fail(EAGAIN);
  struct timespec time = {0, PERIOD_NS};
  nanosleep(&time, 0);
  int index = queue[0];
  memmove(queue, queue + 1, --queued * sizeof *queue);
  draw(pictures + (size_t)index * PICTURE);
  clock_gettime(CLOCK_MONOTONIC, &time);
  buffer->index = index;
  describe_buffer(buffer);
  buffer->bytesused = PICTURE;
  buffer->sequence = sequence++;
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
  if (descriptor < 0 || descriptor != device) return real_ioctl(descriptor, request, data);
  if (!plugged_in()) return fail(ENODEV);
  switch (request & 0xffffffffUL) {
    case VIDIOC_QUERYCAP: return describe_device(data);
    case VIDIOC_ENUM_FMT: return list_form(data);
    case VIDIOC_ENUM_FRAMESIZES: return list_size(data);
    case VIDIOC_ENUM_FRAMEINTERVALS: return list_rate(data);
    case VIDIOC_G_FMT: describe_form(data); return 0;
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT: return set_form(data);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: return describe_rate(data);
    case VIDIOC_ENUMINPUT: return list_input(data);
    case VIDIOC_G_INPUT: *(int *)data = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_REQBUFS: return request_buffers(data);
    case VIDIOC_QUERYBUF: return describe_buffer(data);
    case VIDIOC_QBUF:
      if (queued < BUFFERS) queue[queued++] = ((struct v4l2_buffer *)data)->index;
      return 0;
    case VIDIOC_DQBUF: return give_picture(data);
    case VIDIOC_STREAMON: streaming = 1; return 0;
    case VIDIOC_STREAMOFF: streaming = queued = 0; return 0;
    default: return fail(ENOTTY);
  }
}
